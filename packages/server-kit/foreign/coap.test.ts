import { readFile, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { Agent, request as coapRequest } from 'coap'
import { describe, expect, it } from 'vitest'
import { coap, coapClient, coapUrl, observing } from './support/coap.ts'
import { curl } from './support/curl.ts'
import type { HubProcess } from './support/hub.ts'
import { asThing, printed, subscribed } from './support/mosquitto.ts'
import { itWith } from './support/peers.ts'
import { readHistory, type Thing } from './support/provision.ts'
import { openScene } from './support/scene.ts'
import { until, within } from './support/until.ts'

/** 60 KiB of text that is nowhere the same, so that a block out of its place shows. */
const largeText = Array.from({ length: 61_440 / 8 }, (_, i) => `${i}`.padStart(8, '.')).join('')

describe('libcoap’s client', () => {
  itWith([coapClient, 'curl'])('publishes, sets, reads and clears, and hears why it is refused', async () => {
    const { site, hub, meter } = await openScene()
    const url = (path: string) => coapUrl(hub, path, meter)
    expect(await coap(site, ['-m', 'post', '-t', '50', '-e', '{"t":1}', url('/c/telemetry/a')])).toMatchObject({
      err: '',
    })
    const none = await coap(site, ['-m', 'get', url('/c/telemetry/a')])
    expect(none.err).toContain('4.04 there is no last value')
    expect(await coap(site, ['-m', 'put', '-t', '0', '-e', '21.5', url('/c/telemetry/a')])).toMatchObject({ err: '' })
    expect((await coap(site, ['-m', 'get', url('/channels/telemetry/messages/a')])).out).toBe('21.5\n')
    await coap(site, ['-N', '-m', 'post', '-e', 'unconfirmed', url('/c/telemetry/a')])
    await coap(site, ['-m', 'delete', url('/c/telemetry/a')])
    expect((await coap(site, ['-m', 'get', url('/c/telemetry/a')])).err).toContain('4.04')
    const stranger = await coap(site, ['-m', 'get', `coap://${hub.host}:${hub.coapPort}/c/telemetry/a`])
    expect(stranger.err).toContain('4.01 no key')
    const { body } = await curl(site, hub, '/channels/telemetry/messages/a', { thing: meter })
    expect(JSON.parse(body)).toMatchObject({
      messages: [
        { protocol: 'coap', contentType: 'application/json', payload: { t: 1 }, delivery: 'at-least-once' },
        { contentType: 'text/plain;charset=utf-8', payload: '21.5', retain: true },
        { contentType: '', payload: 'unconfirmed', delivery: 'at-most-once' },
        { retain: true },
      ],
    })
  })

  itWith([coapClient, 'curl'])('learns what it may use', async () => {
    const { site, hub, meter } = await openScene()
    const { out } = await coap(site, ['-m', 'get', coapUrl(hub, '/.well-known/core', meter)])
    expect(out).toContain('</c/telemetry>;rt="thingmesh.channel"')
  })

  itWith([coapClient, 'mosquitto_sub', 'stdbuf'])(
    'uploads 60 KiB in blocks, and an MQTT subscriber gets one message',
    async () => {
      const { site, hub, meter } = await openScene()
      const listener = await subscribed(site, [
        ...asThing(hub, meter, 'mqttv5'),
        '-t',
        'telemetry/#',
        '-q',
        '1',
        '-F',
        '%t %l %p',
      ])
      const file = join(site.directory, 'large')
      await writeFile(file, largeText)
      for (const size of ['1024', '256']) {
        await coap(site, ['-b', size, '-m', 'post', '-f', file, coapUrl(hub, `/c/telemetry/${size}`, meter)])
      }
      await listener.says(running => printed(running).length >= 2, 'two messages')
      expect(printed(listener)).toEqual(['1024', '256'].map(size => `telemetry/${size} 61440 ${largeText}`))
    },
  )

  itWith([coapClient, 'mosquitto_pub'])('reads a last value of 60 KiB in blocks', async () => {
    const { site, hub, meter } = await openScene()
    const publish = [...asThing(hub, meter, 'mqttv5'), '-t', 'telemetry/large', '-q', '1', '-r', '-s']
    expect(await site.run('mosquitto_pub', publish, { stdin: largeText })).toMatchObject({ code: 0, err: '' })
    const file = join(site.directory, 'read')
    for (const more of [[], ['-b', '128'], ['-N']]) {
      await coap(site, [...more, '-m', 'get', '-o', file, coapUrl(hub, '/c/telemetry/large', meter)])
      expect(await readFile(file, 'utf8')).toBe(largeText)
      await writeFile(file, '')
    }
  })

  itWith([coapClient, 'mosquitto_pub', 'stdbuf'])('observes what MQTT publishes, the last value first', async () => {
    const { site, hub, meter } = await openScene()
    const publish = async (text: string, ...more: string[]) => {
      const args = [...asThing(hub, meter, 'mqttv5'), '-t', 'telemetry/a', '-q', '1', '-m', text, ...more]
      expect(await site.run('mosquitto_pub', args)).toMatchObject({ code: 0, err: '' })
    }
    await publish('first', '-r')
    const observer = await observing(site, coapUrl(hub, '/c/telemetry/a', meter))
    for (let i = 0; i < 20; i++) await publish(`m${i}`)
    const expected = ['first', ...Array.from({ length: 20 }, (_, i) => `m${i}`)]
    await observer.says(({ lines }) => lines.length >= expected.length, 'all notifications')
    expect(observer.lines).toEqual(expected)
  })
})

describe('node-coap', () => {
  const query = ({ secret }: Thing) => `auth=${secret}`

  async function ask(
    hub: HubProcess,
    thing: Thing,
    method: 'GET' | 'POST' | 'PUT' | 'DELETE',
    path: string,
    payload = '',
  ) {
    const asked = coapRequest({
      host: hub.host,
      port: hub.coapPort,
      method,
      pathname: path,
      query: query(thing),
      agent: new Agent(),
    })
    asked.setOption('Content-Format', 'application/json')
    const answered = new Promise<{ code: string; payload: string }>((resolve, reject) => {
      asked.on('response', ({ code, payload: body }) => resolve({ code, payload: body.toString() }))
      asked.on('error', reject)
    })
    asked.end(payload)
    return within(answered, `${method} ${path}`, 20_000)
  }

  it('publishes, sets, reads and clears', async () => {
    const { hub, meter } = await openScene()
    expect(await ask(hub, meter, 'POST', '/c/telemetry/a', '{"t":1}')).toMatchObject({ code: '2.04' })
    expect(await ask(hub, meter, 'PUT', '/c/telemetry/a', '{"t":2}')).toMatchObject({ code: '2.04' })
    expect(await ask(hub, meter, 'GET', '/c/telemetry/a')).toEqual({ code: '2.05', payload: '{"t":2}' })
    expect(await ask(hub, meter, 'DELETE', '/c/telemetry/a')).toMatchObject({ code: '2.02' })
    expect(await ask(hub, meter, 'GET', '/c/telemetry/a')).toMatchObject({ code: '4.04' })
    expect((await readHistory(hub, 'telemetry')).slice(0, 2)).toMatchObject([
      { contentType: 'application/json', payload: { t: 1 } },
      { contentType: 'application/json', payload: { t: 2 } },
    ])
  })

  it('observes', async () => {
    const { hub, meter } = await openScene()
    await ask(hub, meter, 'PUT', '/c/telemetry/a', '0')
    const options = {
      host: hub.host,
      port: hub.coapPort,
      pathname: '/c/telemetry/a',
      query: query(meter),
      agent: new Agent(),
    }
    const asked = coapRequest({ ...options, observe: true })
    const seen: string[] = []
    asked.on('response', stream => stream.on('data', (chunk: Buffer) => seen.push(chunk.toString())))
    asked.end()
    await until(() => seen.length > 0, 'the last value')
    for (let i = 1; i <= 10; i++) await ask(hub, meter, 'POST', '/c/telemetry/a', String(i))
    await until(() => seen.length > 10, 'ten notifications')
    expect(seen).toEqual(Array.from({ length: 11 }, (_, i) => String(i)))
  })
})
