import { afterAll, beforeAll, describe, expect, it, vi } from 'vitest'
import type { Client } from './door.ts'
import { type DoorName, doorNames, openScene, ready, type Scene } from './scene.ts'

const words = 'no right any more to subscribe to telemetry/#'
/** In JSON, as in an answer that refuses. */
const body = '{"error":{"code":"permission-denied","message":"no read right on any topic that matches"}}'
const disconnect = [`${0x98} ${words}`, 'closed']

/** What a listener is told when its right is taken away, and whether its connection ends with that. */
const doors: Readonly<Record<DoorName, { readonly told: readonly string[]; readonly ends: boolean }>> = {
  'MQTT 3.1.1': { told: ['closed'], ends: true },
  'MQTT 5': { told: disconnect, ends: true },
  'MQTT over WebSocket': { told: disconnect, ends: true },
  'CoAP over UDP': { told: [`4.03 ${words}`], ends: false },
  'CoAP over TCP': { told: [`4.03 ${words}`], ends: false },
  'CoAP over WebSocket': { told: [`4.03 ${words}`], ends: false },
  HTTP: { told: [`error ${body}`, 'ended'], ends: false },
  'WebSocket, plain': { told: [`4403 ${words}`], ends: false },
  'WebSocket, JSON': { told: [`# permission-denied ${words}`], ends: false },
  'WebSocket, CBOR': { told: [`# permission-denied ${words}`], ends: false },
  'within the process': { told: [`permission-denied ${words}`], ends: true },
}

let scene: Scene

beforeAll(async () => {
  scene = await openScene()
})

afterAll(async () => {
  await scene?.close()
  expect(scene.faults).toEqual([])
})

const textsOf = ({ heard }: Client) => heard.map(({ payload }) => new TextDecoder().decode(payload))
const soon = (check: () => void) => vi.waitFor(check, { timeout: 10_000, interval: 5 })
const hears = (client: Client, text: string) => soon(() => expect(textsOf(client)).toContain(text))
const isNews = (text: string) => text !== ready

describe('a right that is taken away while its listener is connected', () => {
  it.each(doorNames)('is told over %s within a second, and nothing else ends', async name => {
    const { hub, operator } = scene
    const door = scene.door(name)
    const id = name.replaceAll(/\W/g, '-')
    const [one, other] = [
      await scene.thing(`one-${id}`, ['telemetry', 'aside']),
      await scene.thing(`other-${id}`, ['telemetry']),
    ]
    const listener = await scene.open(door, one)
    const bystander = await scene.open(door, other)
    for (const channel of ['telemetry', 'aside']) expect(await listener.listen(channel)).toBe(true)
    expect(await bystander.listen('telemetry')).toBe(true)
    await operator.publish('telemetry/a', `before ${id}`)
    for (const client of [listener, bystander]) await hears(client, `before ${id}`)

    const { items } = await hub.control.grants.list({ thing: one.thing, channel: 'telemetry' })
    const from = performance.now()
    await hub.control.grants.remove(items[0]!.id)
    await operator.publish('telemetry/a', `after ${id}`)
    await soon(() => expect(listener.told).toEqual(doors[name].told))
    expect(performance.now() - from).toBeLessThan(1_000)

    const { ends } = doors[name]
    const again = ends ? await scene.open(door, one) : listener
    if (ends) expect(await again.listen('aside')).toBe(true)
    await operator.publish('telemetry/a', `later ${id}`)
    await operator.publish('aside/a', `aside ${id}`)
    await hears(again, `aside ${id}`)
    await hears(bystander, `later ${id}`)
    expect(textsOf(listener).filter(isNews)).toEqual([`before ${id}`, ...(ends ? [] : [`aside ${id}`])])
    expect(textsOf(bystander).filter(isNews)).toEqual([`before ${id}`, `after ${id}`, `later ${id}`])
    expect(bystander.told).toEqual([])
    // Not by asking again either.
    expect(await Promise.resolve(again.listen('telemetry')).catch(() => false)).toBe(false)
  })
})
