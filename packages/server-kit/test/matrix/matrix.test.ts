import { messageId } from '@thingmesh/core'
import { afterAll, beforeAll, describe, expect, it, vi } from 'vitest'
import { bytes } from '../support/hub.ts'
import type { Client, Fact, Heard, Said } from './door.ts'
import { type DoorName, doorNames, openScene, ready, type Scene } from './scene.ts'

/** Of each door one client that publishes and one that listens, each in the name of a thing of its own. */
interface Pair {
  readonly publisher: Client
  readonly publisherId: string
  readonly listener: Client
}

/** What no protocol's text is, so that all have to carry bytes. */
const contentType = 'application/octet-stream'
const expiresInSeconds = 600

let scene: Scene
const pairs = new Map<DoorName, Pair>()
let count = 0

beforeAll(async () => {
  scene = await openScene()
  for (const name of doorNames) {
    const door = scene.door(name)
    const publishing = await scene.thing(`publisher-${pairs.size}`, ['telemetry'])
    const listening = await scene.thing(`listener-${pairs.size}`, ['telemetry'])
    const listener = await scene.open(door, listening)
    expect(await listener.listen('telemetry'), name).toBe(true)
    const publisher = await scene.open(door, publishing)
    pairs.set(name, { publisher, publisherId: `thing:${publishing.id}`, listener })
  }
})

afterAll(async () => {
  await scene?.close()
  expect(scene.faults).toEqual([])
})

/** Something that was never said before. */
function something(): Said {
  count += 1
  const payload = Uint8Array.of(0, 0xff, 0xc3, 0x28, count >> 8, count)
  return { topic: `telemetry/matrix/${count}`, payload, contentType, expiresInSeconds }
}

const isSame = (a: Uint8Array, b: Uint8Array) => Buffer.compare(a, b) === 0
const heardBy = ({ heard }: Client, payload: Uint8Array) => heard.filter(one => isSame(one.payload, payload))

async function logged({ topic }: Said) {
  const { messages } = await scene.operator.read({ filter: topic, limit: 10 })
  expect(messages.length).toBe(1)
  return messages[0]!
}

describe('what is published', () => {
  const acking = doorNames.filter(name => name !== 'WebSocket, plain')

  it.each(acking)('over %s is in the log before its ack', async name => {
    const { store, httpPort } = scene
    const { publisher } = pairs.get(name)!
    // One that is in the log already, so that what follows waits for nothing but the store.
    await publisher.publish(something())
    const said = something()
    const before = store.appended()
    store.hold()
    const atAck = publisher.publish(said).then(id => ({ id, appended: store.appended() }))
    await vi.waitFor(() => expect(store.held).toBe(1))
    // An ack that did not wait for the store would be here before the answers to these.
    for (let i = 0; i < 3; i++) await (await fetch(`http://127.0.0.1:${httpPort}/health`)).text()
    store.release()
    const { id, appended } = await atAck
    expect(appended).toBe(before + 1)
    const message = await logged(said)
    expect(id).toBe(scene.door(name).acks === 'id' ? messageId(message.log, message.sequence) : undefined)
  })

  const ways = doorNames.flatMap(from => doorNames.map(to => [from, to] as const))

  it.each(ways)('over %s is the same message over %s', async (from, to) => {
    const { publisher, publisherId } = pairs.get(from)!
    const { listener } = pairs.get(to)!
    const said = something()
    await publisher.publish(said)
    await vi.waitFor(() => expect(heardBy(listener, said.payload).length).toBe(1), { timeout: 10_000, interval: 5 })
    const message = await logged(said)
    const { says, protocol } = scene.door(from)
    const isSaid = (fact: (typeof says)[number]) => says.includes(fact)
    expect(message).toMatchObject({
      topic: said.topic,
      payload: said.payload,
      contentType: isSaid('contentType') ? contentType : '',
      publisher: publisherId,
      protocol,
      delivery: 'at-least-once',
    })
    expect(message.properties?.expiresInSeconds).toBe(isSaid('expiresInSeconds') ? expiresInSeconds : undefined)
    const facts: Record<Fact, unknown> = {
      topic: said.topic,
      contentType: isSaid('contentType') ? contentType : '',
      expiresInSeconds: isSaid('expiresInSeconds') ? expiresInSeconds : undefined,
      publisher: publisherId,
      id: messageId(message.log, message.sequence),
    }
    expectTold(heardBy(listener, said.payload)[0]!, facts, scene.door(to).tells)
  })
})

/** That and nothing else: a door that tells more than its table says is found out as well as one that tells less. */
function expectTold(heard: Heard, facts: Record<Fact, unknown>, tells: readonly Fact[]): void {
  for (const fact of Object.keys(facts) as Fact[]) {
    // A type that was not said is no type, in every protocol's way to say nothing.
    const found = heard[fact] === '' ? undefined : heard[fact]
    const wanted = tells.includes(fact) && facts[fact] !== '' ? facts[fact] : undefined
    if (fact === 'expiresInSeconds' && wanted !== undefined) {
      // Less what it waited.
      expect(found).toBeGreaterThan(Number(wanted) - 30)
      expect(found).toBeLessThanOrEqual(Number(wanted))
    } else expect([fact, found]).toEqual([fact, wanted])
  }
}

describe('who has no right to a channel', () => {
  it.each(doorNames)('hears nothing of it over %s', async name => {
    const { operator } = scene
    const door = scene.door(name)
    const stranger = await scene.thing(`stranger-${name.replaceAll(/\W/g, '-')}`, ['aside'])
    const client = await scene.open(door, stranger)
    expect(await client.listen('aside')).toBe(true)
    // Nor by asking for all channels at once, where a filter can say that.
    await Promise.all([client.listen('telemetry'), client.listen('+')].map(listening => listening.catch(() => false)))
    const open = bytes(`open-${name}`)
    await operator.publish('telemetry/secret', 'secret')
    await operator.publish('aside/open', open)
    await vi.waitFor(() => expect(heardBy(client, open).length).toBeGreaterThanOrEqual(1), {
      timeout: 10_000,
      interval: 5,
    })
    const texts = client.heard.map(({ payload }) => new TextDecoder().decode(payload))
    expect(texts.filter(text => text !== ready && !text.startsWith('open-'))).toEqual([])
  })
})
