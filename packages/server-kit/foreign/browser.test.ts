import type { Page } from 'playwright-core'
import { describe, expect } from 'vitest'
import { openPage } from './support/browser.ts'
import { serveDashboard } from './support/dashboard.ts'
import type { HubProcess } from './support/hub.ts'
import { asThing } from './support/mosquitto.ts'
import { itWith } from './support/peers.ts'
import { ask } from './support/provision.ts'
import { type Scene as OneHub, openScene as openOneHub } from './support/scene.ts'
import { until } from './support/until.ts'

/** What the scripts of a page have heard, by where they heard it. */
type Log = Record<string, string[]>

interface Scene extends OneHub {
  readonly page: Page
}

async function openScene({ isAllowed = true } = {}): Promise<Scene> {
  const origin = await serveDashboard()
  const scene = await openOneHub({ flags: isAllowed ? ['--allow-origin', origin] : [] })
  return { ...scene, page: await openPage(origin) }
}

async function publish({ site, hub, meter }: Scene, topic: string, payload: string | Uint8Array): Promise<void> {
  const args = [...asThing(hub, meter, 'mqttv5'), '-t', topic, '-q', '1', '-s']
  expect(await site.run('mosquitto_pub', args, { stdin: payload })).toMatchObject({ code: 0, err: '' })
}

async function shortToken(hub: HubProcess): Promise<string> {
  const draft = { name: 'page', scope: { channels: ['telemetry'] }, expiresInSeconds: 600 }
  return ((await ask(hub, 'POST', '/api/v1/tokens', draft)) as { secret: string }).secret
}

const logOf = (page: Page) => page.evaluate(() => (globalThis as unknown as { log: Log }).log)

async function heard(page: Page, wanted: Log): Promise<void> {
  await until(async () => {
    const log = await logOf(page)
    return Object.entries(wanted).every(([name, lines]) => (log[name]?.length ?? 0) >= lines.length)
  }, JSON.stringify(wanted))
  expect(await logOf(page)).toEqual(wanted)
}

/** Opens a WebSocket for each way to speak, and an event stream, and writes down what comes of them. */
async function listenInPage(page: Page, at: { socket: string; http: string; token: string }): Promise<void> {
  await page.evaluate(async ({ socket, http, token }) => {
    const log: Log = { plain: [], json: [], binary: [], events: [] }
    const shared = globalThis as unknown as { log: Log; sockets: Record<string, WebSocket>; events: EventSource }
    shared.log = log
    shared.sockets = {}
    const opened = (target: EventTarget) =>
      new Promise<void>((resolve, reject) => {
        target.addEventListener('open', () => resolve())
        target.addEventListener('error', () => reject(new Error('not opened')))
      })
    const offer = `thingmesh.authorization.${btoa(`Bearer ${token}`).replaceAll('+', '-').replaceAll('/', '_').replaceAll('=', '')}`
    const open = async (name: string, address: string, subprotocols: string[]) => {
      const webSocket = new WebSocket(address, subprotocols)
      webSocket.binaryType = 'arraybuffer'
      webSocket.addEventListener('message', ({ data }) => {
        if (typeof data === 'string') log[name]!.push(data)
        else log.binary!.push(Array.from(new Uint8Array(data as ArrayBuffer)).join(' '))
      })
      shared.sockets[name] = webSocket
      await opened(webSocket)
    }
    await open('plain', `${socket}?qos=1`, ['thingmesh.plain.v1', offer])
    await open('json', `${socket}?token=${encodeURIComponent(token)}`, ['thingmesh.json.v1'])
    shared.sockets.json!.send(JSON.stringify({ type: 'subscribe', id: 1, after: 'now' }))
    shared.events = new EventSource(`${http}?token=${encodeURIComponent(token)}`)
    shared.events.addEventListener('message', ({ data }) => log.events!.push(JSON.parse(data).payload))
    await opened(shared.events)
  }, at)
}

describe('a page in a browser', () => {
  itWith(['chromium', 'mosquitto_pub'])(
    'hears by WebSocket and EventSource what MQTT publishes, and publishes itself',
    async () => {
      const scene = await openScene()
      const { hub, page, meter } = scene
      const path = '/channels/telemetry/messages'
      const token = await shortToken(hub)
      await listenInPage(page, { socket: `ws://${hub.host}:${hub.httpPort}${path}`, http: `${hub.url}${path}`, token })
      const ack = JSON.stringify({ type: 'ack', id: 1 })
      await heard(page, { plain: [], json: [ack], binary: [], events: [] })
      await publish(scene, 'telemetry/room1', '21.5')
      await until(async () => (await logOf(page)).json!.length === 2, 'a message in an envelope')
      const log = await logOf(page)
      expect(log).toMatchObject({ plain: ['21.5'], binary: [] })
      expect(JSON.parse(log.json![1]!)).toMatchObject({
        type: 'message',
        topic: 'telemetry/room1',
        payload: '21.5',
        protocol: 'mqtt',
        publisher: `thing:${meter.id}`,
        cursor: expect.stringMatching(/^[0-9a-f]{12}\.\d+$/),
      })
      await until(async () => (await logOf(page)).events!.length === 1, 'an event')
      expect((await logOf(page)).events).toEqual(['21.5'])
      await publish(scene, 'telemetry/room1', Uint8Array.of(0, 0xff))
      await until(async () => (await logOf(page)).binary!.length === 1, 'a binary frame')
      expect((await logOf(page)).binary).toEqual(['0 255'])
      await page.evaluate(() => {
        const { sockets } = globalThis as unknown as { sockets: Record<string, WebSocket> }
        sockets.json!.send(JSON.stringify({ type: 'publish', id: 2, subtopic: 'page', payload: { on: true } }))
      })
      await until(async () => (await logOf(page)).events!.length === 3, 'what the page has published')
      expect((await logOf(page)).events![2]).toEqual({ on: true })
      expect((await logOf(page)).json!.map(line => JSON.parse(line).type).sort()).toEqual([
        'ack',
        'ack',
        'message',
        'message',
        'message',
      ])
    },
  )

  itWith(['chromium'])('whose origin is not let in gets no WebSocket', async () => {
    const { hub, page, meter } = await openScene({ isAllowed: false })
    const offer = `thingmesh.authorization.${Buffer.from(`Thing ${meter.secret}`).toString('base64url')}`
    const outcome = await page.evaluate(
      ([address, subprotocol]) =>
        new Promise<string>(resolve => {
          const webSocket = new WebSocket(address!, ['thingmesh.plain.v1', subprotocol!])
          webSocket.addEventListener('open', () => resolve('opened'))
          webSocket.addEventListener('close', ({ code }) => resolve(`closed ${code}`))
        }),
      [`ws://${hub.host}:${hub.httpPort}/channels/telemetry/messages`, offer],
    )
    expect(outcome).toBe('closed 1006')
  })
})
