import { describe, expect } from 'vitest'
import { curl } from './support/curl.ts'
import { asThing, type MqttVersion, mqttVersions, printed, subscribed } from './support/mosquitto.ts'
import { itWith } from './support/peers.ts'
import { openScene, type Scene } from './support/scene.ts'
import type { Running } from './support/site.ts'

const mosquitto = ['mosquitto_pub', 'mosquitto_sub', 'stdbuf']
/** Retain, QoS, topic, payload in hexadecimal. */
const lineFormat = '%r %q %t %x'
const hex = (bytes: string | Uint8Array) => Buffer.from(bytes).toString('hex')

function listen({ site, hub, meter }: Scene, version: MqttVersion, args: readonly string[]): Promise<Running> {
  return subscribed(site, [...asThing(hub, meter, version), '-F', lineFormat, ...args])
}

function listenAll(scene: Scene, args: readonly string[]): Promise<readonly Running[]> {
  return Promise.all(mqttVersions.map(version => listen(scene, version, args)))
}

async function publish(
  { site, hub, meter }: Scene,
  version: MqttVersion,
  args: readonly string[],
  payload?: string | Uint8Array,
): Promise<void> {
  const what = payload === undefined ? '-n' : '-s'
  const stdin = payload ?? ''
  const done = await site.run('mosquitto_pub', [...asThing(hub, meter, version), ...args, what], { stdin })
  expect(done).toMatchObject({ code: 0, err: '' })
}

async function heard(listener: Running, lines: readonly string[]): Promise<void> {
  await listener.says(running => printed(running).length >= lines.length, lines.join(', '))
  expect(printed(listener)).toEqual(lines)
}

describe('stock clients talk to each other', () => {
  itWith(mosquitto)('in every version to every version, at QoS 0 and 1, by wildcards, whatever the bytes', async () => {
    const scene = await openScene()
    const listeners = await listenAll(scene, ['-t', 'telemetry/+/value', '-q', '1'])
    const shallow = await listen(scene, 'mqttv5', ['-t', 'telemetry/#', '-q', '0'])
    const binary = Uint8Array.of(0, 0xff, 0x0a, 0x0d, 0xc3, 0x28, 0x7f)
    const lines: string[] = []
    for (const version of mqttVersions) {
      for (const qos of [0, 1]) {
        const topic = `telemetry/${version}-${qos}/value`
        await publish(scene, version, ['-t', topic, '-q', String(qos)], binary)
        await publish(scene, version, ['-t', `${topic}/deeper`, '-q', String(qos)], 'not for the plus')
        lines.push(`0 ${qos} ${topic} ${hex(binary)}`)
        // One after the other: between publishers no order is promised.
        for (const listener of listeners) await heard(listener, lines)
      }
    }
    await shallow.says(running => printed(running).length >= 12, 'all at QoS 0')
    expect(printed(shallow).filter(line => line.startsWith('0 0 ')).length).toBe(12)
  })

  itWith([...mosquitto, 'curl'])('by retained messages: the last one for who comes, until it is cleared', async () => {
    const scene = await openScene()
    const { site, hub, meter } = scene
    const live = await listen(scene, 'mqttv311', ['-t', 'telemetry/#', '-q', '1'])
    await publish(scene, 'mqttv311', ['-t', 'telemetry/a', '-q', '1', '-r'], 'first')
    await publish(scene, 'mqttv5', ['-t', 'telemetry/a', '-q', '1', '-r'], 'second')
    await publish(scene, 'mqttv31', ['-t', 'telemetry/b', '-q', '1', '-r'], 'other')
    const [first, second, other] = ['first', 'second', 'other'].map(hex)
    await heard(live, [`0 1 telemetry/a ${first}`, `0 1 telemetry/a ${second}`, `0 1 telemetry/b ${other}`])
    await hub.kill()
    await hub.start()
    for (const late of await listenAll(scene, ['-t', 'telemetry/#', '-q', '1'])) {
      await heard(late, [`1 1 telemetry/a ${second}`, `1 1 telemetry/b ${other}`])
    }
    await publish(scene, 'mqttv311', ['-t', 'telemetry/a', '-q', '1', '-r'])
    // By topic: were it still there, it would come first.
    for (const late of await listenAll(scene, ['-t', 'telemetry/#', '-q', '1'])) {
      await heard(late, [`1 1 telemetry/b ${other}`])
    }
    const { body } = await curl(site, hub, '/channels/telemetry/messages?retained=true', { thing: meter })
    expect(JSON.parse(body)).toMatchObject({ messages: [{ topic: 'telemetry/b', retain: true, payload: 'other' }] })
  })

  itWith(mosquitto)('by wills: of who is gone without a word, and of nobody else', async () => {
    const scene = await openScene()
    const { site, hub, meter } = scene
    const watchers = await listenAll(scene, ['-t', 'telemetry/wills/#', '-q', '1'])
    const lines: string[] = []
    const will = (name: string) => [
      ...['-t', 'telemetry/nothing', '--will-topic', `telemetry/wills/${name}`],
      ...['--will-payload', `${name} is gone`, '--will-qos', '1'],
    ]
    for (const version of mqttVersions) {
      const polite = [...asThing(hub, meter, version), ...will(`polite-${version}`), '-E']
      expect(await site.run('mosquitto_sub', polite)).toMatchObject({ code: 0, err: '' })
      const killed = await listen(scene, version, will(`killed-${version}`))
      await killed.kill('SIGKILL')
      lines.push(`0 1 telemetry/wills/killed-${version} ${hex(`killed-${version} is gone`)}`)
      for (const watcher of watchers) await heard(watcher, lines)
    }
    // On SIGTERM mosquitto_sub leaves in MQTT 5 with 0x04, Disconnect with Will Message (section 3.14.2.1).
    const asking = await listen(scene, 'mqttv5', will('asking'))
    expect(await asking.kill('SIGTERM')).toMatchObject({ code: 0 })
    lines.push(`0 1 telemetry/wills/asking ${hex('asking is gone')}`)
    for (const watcher of watchers) await heard(watcher, lines)
  })

  itWith([...mosquitto, 'curl'])('with the properties of MQTT 5, unchanged, also in the log and in wills', async () => {
    const scene = await openScene()
    const { site, hub, meter } = scene
    const asViewer = asThing(hub, meter, 'mqttv5')
    const viewer = await subscribed(site, [...asViewer, '-F', '%j', '-t', 'telemetry/#', '-q', '1'])
    const given: readonly (readonly [string, ...string[]])[] = [
      ['content-type', 'text/plain; charset=utf-8'],
      ['payload-format-indicator', '1'],
      ['response-topic', 'telemetry/answers'],
      ['correlation-data', 'c-1'],
      ['user-property', 'site', 'roof'],
      ['user-property', 'unit', '°C'],
    ]
    const flags = (command: string) => given.flatMap(property => ['-D', command, ...property])
    const expiry = ['-D', 'publish', 'message-expiry-interval', '1000']
    await publish(scene, 'mqttv5', ['-t', 'telemetry/n', '-q', '1', ...flags('publish'), ...expiry], '21.5')
    const carried = {
      'content-type': 'text/plain; charset=utf-8',
      'payload-format-indicator': 1,
      'response-topic': 'telemetry/answers',
      'correlation-data': 'c-1',
      'user-properties': { site: 'roof', unit: '°C' },
    }
    await viewer.says(running => printed(running).length === 1, 'the message')
    const message = JSON.parse(printed(viewer)[0]!)
    expect(message).toMatchObject({ topic: 'telemetry/n', qos: 1, payload: '21.5' })
    const { 'message-expiry-interval': expires, ...others } = message.properties
    expect(others).toEqual(carried)
    // Less the time that it waited (MQTT 5, section 3.3.2.3.3).
    expect(expires).toBeGreaterThan(970)
    expect(expires).toBeLessThanOrEqual(1000)

    const { body } = await curl(site, hub, '/channels/telemetry/messages/n', { thing: meter })
    expect(JSON.parse(body).messages).toMatchObject([
      {
        contentType: 'text/plain; charset=utf-8',
        encoding: 'text',
        payload: '21.5',
        properties: {
          replyTo: 'telemetry/answers',
          correlation: Buffer.from('c-1').toString('base64'),
          expiresInSeconds: 1000,
          utf8: true,
          headers: [
            ['site', 'roof'],
            ['unit', '°C'],
          ],
        },
      },
    ])

    const will = ['--will-topic', 'telemetry/will', '--will-payload', 'gone', '--will-qos', '1', ...flags('will')]
    const killed = await subscribed(site, [...asViewer, '-t', 'telemetry/nothing', ...will])
    await killed.kill('SIGKILL')
    await viewer.says(running => printed(running).length === 2, 'the will')
    expect(JSON.parse(printed(viewer)[1]!)).toMatchObject({ topic: 'telemetry/will', payload: 'gone' })
    expect(JSON.parse(printed(viewer)[1]!).properties).toEqual(carried)
  })
})

describe('MQTT and HTTP are one', () => {
  itWith([...mosquitto, 'curl'])('what curl publishes comes to mosquitto_sub', async () => {
    const scene = await openScene()
    const { site, hub, meter } = scene
    const listeners = await listenAll(scene, ['-t', 'telemetry/#', '-q', '1'])
    const rich = await subscribed(site, [...asThing(hub, meter, 'mqttv5'), '-F', '%j', '-t', 'telemetry/#', '-q', '1'])
    const answer = await curl(site, hub, '/channels/telemetry/messages/room1/temperature', {
      thing: meter,
      args: ['-H', 'Content-Type: application/json'],
      body: '{"celsius": 21.5}',
    })
    expect(answer).toMatchObject({ status: 202, contentType: 'application/json' })
    expect(JSON.parse(answer.body)).toEqual({ id: expect.stringMatching(/^[\da-f]{32}\.[\da-f]{32}\.\d+$/) })
    for (const listener of listeners) {
      await heard(listener, [`0 1 telemetry/room1/temperature ${hex('{"celsius": 21.5}')}`])
    }
    await rich.says(running => printed(running).length === 1, 'the message')
    expect(JSON.parse(printed(rich)[0]!)).toMatchObject({
      topic: 'telemetry/room1/temperature',
      payload: '{"celsius": 21.5}',
      properties: { 'content-type': 'application/json' },
    })
  })

  itWith([...mosquitto, 'curl'])(
    'a SenML pack that curl publishes comes apart, and is read as one, and as CSV',
    async () => {
      const scene = await openScene()
      const { site, hub, meter } = scene
      const live = await listen(scene, 'mqttv5', ['-t', 'telemetry/#', '-q', '1'])
      const pack = [
        { bn: 'dev:1/', bt: 1.7e9, n: 'temperature', u: 'Cel', v: 21.5 },
        { n: 'open', vb: true },
      ]
      const options = { thing: meter, args: ['-H', 'Content-Type: application/senml+json'], body: JSON.stringify(pack) }
      const { status, body } = await curl(site, hub, '/channels/telemetry/messages/roof?batch=true', options)
      expect([status, JSON.parse(body).results.length]).toEqual([202, 2])
      await publish(scene, 'mqttv311', ['-t', 'telemetry/level', '-q', '1'], '7')
      const records = [
        { n: 'dev:1/temperature', u: 'Cel', v: 21.5, t: 1.7e9 },
        { n: 'dev:1/open', vb: true, t: 1.7e9 },
      ]
      await heard(live, [
        `0 1 telemetry/roof/dev:1/temperature ${hex(JSON.stringify([records[0]]))}`,
        `0 1 telemetry/roof/dev:1/open ${hex(JSON.stringify([records[1]]))}`,
        `0 1 telemetry/level ${hex('7')}`,
      ])
      const read = (type: string) =>
        curl(site, hub, '/channels/telemetry/messages', { thing: meter, args: ['-H', `Accept: ${type}`] })
      const senml = await read('application/senml+json')
      expect(JSON.parse(senml.body)).toEqual([...records, { n: 'telemetry/level', v: 7, t: expect.any(Number) }])
      const csv = await read('text/csv')
      expect(csv.contentType).toBe('text/csv;charset=utf-8;header=present')
      expect(csv.body.split('\r\n').map(row => row.split(',').at(-1))).toEqual([
        'payload',
        expect.anything(),
        expect.anything(),
        '7',
        '',
      ])
    },
  )

  itWith([...mosquitto, 'curl'])('what mosquitto_pub publishes curl reads, as JSON and as NDJSON', async () => {
    const scene = await openScene()
    const { site, hub, meter } = scene
    const asJson = ['-D', 'publish', 'content-type', 'application/json']
    await publish(scene, 'mqttv31', ['-t', 'telemetry/text', '-q', '1'], 'grün')
    await publish(scene, 'mqttv311', ['-t', 'telemetry/bytes', '-q', '1'], Uint8Array.of(0, 0xff))
    await publish(scene, 'mqttv5', ['-t', 'telemetry/json', '-q', '1', ...asJson], '{"celsius": 21.5}')
    const expected = [
      { topic: 'telemetry/text', contentType: '', encoding: 'text', payload: 'grün' },
      { topic: 'telemetry/bytes', contentType: '', encoding: 'base64', payload: 'AP8=' },
      { topic: 'telemetry/json', contentType: 'application/json', encoding: 'json', payload: { celsius: 21.5 } },
    ].map(message => ({
      ...message,
      channel: 'telemetry',
      publisher: `thing:${meter.id}`,
      protocol: 'mqtt',
      delivery: 'at-least-once',
    }))
    const history = '/channels/telemetry/messages'
    const json = await curl(site, hub, history, { thing: meter })
    expect(json).toMatchObject({ status: 200, contentType: 'application/json' })
    expect(JSON.parse(json.body)).toMatchObject({ messages: expected, complete: true })

    const lines = await curl(site, hub, history, { thing: meter, args: ['-H', 'Accept: application/x-ndjson'] })
    expect(lines).toMatchObject({ status: 200, contentType: 'application/x-ndjson' })
    const parsed = lines.body
      .split('\n')
      .slice(0, -1)
      .map(line => JSON.parse(line))
    expect(parsed).toMatchObject(expected)
    const first = parsed[0].cursor
    const rest = await curl(site, hub, `${history}?after=${first}&limit=1`, { thing: meter })
    expect(JSON.parse(rest.body)).toMatchObject({ messages: [{ topic: 'telemetry/bytes' }] })
  })
})
