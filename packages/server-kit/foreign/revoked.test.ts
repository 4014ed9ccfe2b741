import { describe, expect } from 'vitest'
import { openPage } from './support/browser.ts'
import { curl } from './support/curl.ts'
import { serveDashboard } from './support/dashboard.ts'
import { asThing, printed, publishLines, subscribed } from './support/mosquitto.ts'
import { JsClient, textOf } from './support/mqttjs.ts'
import { Paho, paho } from './support/paho.ts'
import { itWith } from './support/peers.ts'
import { ask, createChannel, createThing, type Thing } from './support/provision.ts'
import { type Scene as OneHub, openScene as openOneHub } from './support/scene.ts'
import { until } from './support/until.ts'

interface Scene extends OneHub {
  /** May publish anywhere. */
  readonly writer: Thing
  /** Takes away what `meter` may do with the channel `telemetry`; it keeps the channel `aside`. */
  revoke(): Promise<void>
}

async function openScene(flags: readonly string[] = []): Promise<Scene> {
  const { site, hub, meter } = await openOneHub({ flags })
  await createChannel(hub, 'aside')
  const actions = ['publish', 'subscribe', 'read']
  await ask(hub, 'POST', '/api/v1/grants', { thing: meter.id, channel: 'aside', actions })
  const writer = await createThing(hub, 'writer', ['telemetry', 'aside'])
  const revoke = async () => {
    const path = `/api/v1/grants?thing=${meter.id}&channel=telemetry`
    const { items } = (await ask(hub, 'GET', path)) as { items: readonly { id: string }[] }
    const { ok } = await fetch(`${hub.url}/api/v1/grants/${items[0]!.id}`, {
      method: 'DELETE',
      headers: { authorization: `Bearer ${hub.adminToken}` },
    })
    expect(ok).toBe(true)
  }
  return { site, hub, meter, writer, revoke }
}

const reason = 'no right any more to subscribe to telemetry/#'

describe('mosquitto_sub', () => {
  const tools = ['mosquitto_sub', 'mosquitto_pub', 'stdbuf']
  const filters = ['-q', '1', '-t', 'telemetry/#', '-t', 'aside/#']

  itWith(tools)('in version 3.1.1 comes back, learns what it may not have, and hears the rest', async () => {
    const { site, hub, meter, writer, revoke } = await openScene()
    const running = await subscribed(site, [...asThing(hub, meter), ...filters])
    const say = (topic: string, text: string) => publishLines(site, asThing(hub, writer), topic, [text])
    await say('telemetry/a', 'before')
    await revoke()
    await running.says(({ out }) => out.includes('): 128, 1'), 'a SUBACK that refuses one of two')
    await say('telemetry/a', 'after')
    await say('aside/a', 'aside')
    await running.says(() => printed(running).includes('aside'), 'the message of the other filter')
    expect(printed(running).filter(line => ['before', 'after', 'aside'].includes(line))).toEqual(['before', 'aside'])
  })

  itWith(tools)(
    'in version 5 ends, as it does at any DISCONNECT, and is told to be refused the next time',
    async () => {
      const { site, hub, meter, revoke } = await openScene()
      const connection = asThing(hub, meter, 'mqttv5')
      const running = await subscribed(site, [...connection, ...filters])
      await revoke()
      await running.finished()
      expect(running.lines.at(-1)).toMatch(/Received DISCONNECT \(152\)$/)
      const again = await site.run('mosquitto_sub', [...connection, '-t', 'telemetry/#', '-E'])
      expect(again.err).toContain('All subscription requests were denied')
    },
  )
})

describe('MQTT.js', () => {
  itWith([])('comes back by itself, goes on publishing, and hears what it may', async () => {
    const { site, hub, meter, revoke } = await openScene()
    const client = await JsClient.connect(site, hub, meter, { reconnectPeriod: 100 })
    const told: string[] = []
    client.mqtt.on('disconnect', ({ reasonCode, properties }) => told.push(`${reasonCode} ${properties?.reasonString}`))
    await client.mqtt.subscribeAsync(['telemetry/#', 'aside/#'], { qos: 1 })
    const granted: unknown[] = []
    client.mqtt.on('packetreceive', packet => packet.cmd === 'suback' && granted.push(...packet.granted))
    await revoke()
    await until(() => granted.length === 2, 'an answer to both subscriptions')
    expect([told, granted]).toEqual([[`${0x98} ${reason}`], [0x87, 1]])
    await client.mqtt.publishAsync('aside/a', 'on', { qos: 1 })
    expect((await client.take(1)).map(textOf)).toEqual(['on'])
    const again = client.mqtt.subscribeAsync('telemetry/#', { qos: 1 })
    await expect(again).rejects.toThrow('Not authorized')
    expect(told).toHaveLength(1)
  })
})

describe('paho-mqtt', () => {
  itWith(paho)('comes back by itself to its session, which has the other subscription still', async () => {
    const { site, hub, meter, revoke } = await openScene()
    const options = { id: 'meter', clean: false, returns: true, properties: { SessionExpiryInterval: 600 } }
    const { client } = await Paho.connect(site, hub, meter, options)
    await client.subscribe({ 'telemetry/#': { qos: 1 }, 'aside/#': { qos: 1 } })
    await revoke()
    expect(await client.disconnected()).toBe(0x98)
    expect(await client.returned()).toBe(true)
    await client.publish('aside/a', 'on', { qos: 1 })
    expect(await client.texts(1)).toEqual(['on'])
    expect(await client.subscribe({ 'telemetry/#': { qos: 1 } })).toEqual([0x87])
  })
})

describe('an event stream', () => {
  itWith(['curl'])('tells curl why it ends, and the next one is refused', async () => {
    const { site, hub, meter, revoke } = await openScene()
    const path = '/channels/telemetry/messages'
    const headers = ['-H', `Authorization: Thing ${meter.secret}`, '-H', 'Accept: text/event-stream']
    const running = site.spawn('curl', ['-sSNi', ...headers, `${hub.url}${path}`])
    await running.says(({ out }) => out.includes('retry: '), 'the beginning of the stream')
    await revoke()
    const { code, out } = await running.finished()
    const error = { code: 'permission-denied', message: 'no read right on any topic that matches' }
    expect(code).toBe(0)
    expect(out.slice(out.indexOf('event: '))).toBe(`event: error\ndata: ${JSON.stringify({ error })}\n\n`)
    const again = await curl(site, hub, path, { thing: meter, args: ['-H', 'Accept: text/event-stream'] })
    expect([again.status, JSON.parse(again.body)]).toEqual([403, { error }])
  })

  itWith(['chromium'])('tells a page’s EventSource, which asks once more and gives up', async () => {
    const origin = await serveDashboard()
    const { hub } = await openScene(['--allow-origin', origin])
    const draft = { name: 'page', scope: { channels: ['telemetry'] }, expiresInSeconds: 600 }
    const { secret } = (await ask(hub, 'POST', '/api/v1/tokens', draft)) as { secret: string }
    const page = await openPage(origin)
    await page.evaluate(async url => {
      const log: string[] = []
      Object.assign(globalThis, { log })
      const events = new EventSource(url)
      events.addEventListener('error', event =>
        log.push(`${(event as Event & { readonly data?: string }).data} ${events.readyState}`),
      )
      await new Promise(resolve => events.addEventListener('open', resolve))
    }, `${hub.url}/channels/telemetry/messages?token=${secret}`)
    // What a token may do ends with the channel.
    await fetch(`${hub.url}/api/v1/channels/telemetry`, {
      method: 'DELETE',
      headers: { authorization: `Bearer ${hub.adminToken}` },
    })
    const logOf = () => page.evaluate(() => (globalThis as unknown as { log: string[] }).log)
    await until(async () => (await logOf()).length === 3, 'the end of it')
    const said = JSON.stringify({ error: { code: 'not-found', message: 'there is no such channel' } })
    // Open, connecting, closed.
    expect(await logOf()).toEqual([`${said} 1`, 'undefined 0', 'undefined 2'])
  })
})
