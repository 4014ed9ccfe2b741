import type { IClientOptions } from 'mqtt'
import { describe, expect } from 'vitest'
import { JsClient, textOf } from './support/mqttjs.ts'
import { itWith } from './support/peers.ts'
import { type Corner, openOwnHub, shareHub } from './support/shared-hub.ts'
import { until } from './support/until.ts'

interface Scene extends Corner {
  /** A topic that is for `JsClient.quiet`. */
  readonly marker: string
  readonly enter: (options?: IClientOptions) => Promise<JsClient>
}

const openCorner = shareHub()

function sceneOf(corner: Corner, version: 4 | 5): Scene {
  const { site, hub, thing, home } = corner
  const enter = (options?: IClientOptions) =>
    JsClient.connect(site, hub, thing, { protocolVersion: version, ...options })
  return { ...corner, marker: `${home}/marker`, enter }
}

const openScene = async (version: 4 | 5) => sceneOf(await openCorner(), version)

const qualities = [0, 1, 2] as const
const versions = [
  ['3.1.1', 4],
  ['5', 5],
] as const

describe.each(versions)('MQTT.js in version %s', (_, version) => {
  itWith([])('publishes and hears with every two qualities, by wildcards, until it unsubscribes', async () => {
    const { enter, home, marker } = await openScene(version)
    const writer = await enter()
    for (const granted of qualities) {
      const reader = await enter()
      const filters = { [`${home}/+/x`]: { qos: granted }, [marker]: { qos: 1 as const } }
      const told = await reader.mqtt.subscribeAsync(filters)
      expect(told.map(({ qos }) => qos)).toEqual([granted, 1])
      for (const qos of qualities) await writer.mqtt.publishAsync(`${home}/a/x`, `${qos}`, { qos })
      const heard = await reader.take(3)
      const lines = heard.map(packet => [textOf(packet), packet.qos, packet.dup, packet.retain])
      expect(lines.sort()).toEqual(qualities.map(qos => [`${qos}`, Math.min(qos, granted), false, false]))
      await reader.mqtt.unsubscribeAsync(`${home}/+/x`)
      await writer.mqtt.publishAsync(`${home}/a/x`, 'not heard', { qos: 1 })
      expect(await reader.quiet(marker)).toEqual([])
      await reader.mqtt.endAsync()
    }
  })

  itWith([])('finds last values, replaces and clears them', async () => {
    const { enter, home, marker } = await openScene(version)
    const writer = await enter()
    for (const qos of qualities) {
      for (const text of ['old', 'new']) await writer.mqtt.publishAsync(`${home}/${qos}`, text, { qos, retain: true })
    }
    await writer.mqtt.publishAsync(`${home}/gone`, 'x', { qos: 1, retain: true })
    await writer.mqtt.publishAsync(`${home}/gone`, '', { qos: 1, retain: true })
    const reader = await enter()
    await reader.mqtt.subscribeAsync({ [`${home}/+`]: { qos: 2 }, [marker]: { qos: 1 } })
    const values = (await reader.take(3)).map(packet => [packet.topic, textOf(packet), packet.qos, packet.retain])
    expect(values.sort()).toEqual(qualities.map(qos => [`${home}/${qos}`, 'new', qos, true]))
    expect(await reader.quiet(marker)).toEqual([])
  })

  itWith([])('has its will published when it is cut off, and not when it says goodbye', async () => {
    const { enter, home, marker } = await openScene(version)
    const watcher = await enter()
    await watcher.mqtt.subscribeAsync({ [`${home}/will`]: { qos: 2 }, [marker]: { qos: 1 } })
    const will = { topic: `${home}/will`, payload: Buffer.from('gone'), qos: 2 as const, retain: true }
    const polite = await enter({ will })
    await polite.mqtt.endAsync()
    expect(await watcher.quiet(marker)).toEqual([])
    const cut = await enter({ will })
    await cut.cut()
    const [said] = await watcher.take(1)
    expect([textOf(said!), said!.qos, said!.retain]).toEqual(['gone', 2, false])
  })

  itWith([])('is told when its session is taken over, and when its key is wrong', async () => {
    const { site, hub, thing, enter } = await openScene(version)
    const first = await enter({ clientId: 'one' })
    let reason: number | undefined
    first.mqtt.on('disconnect', packet => {
      reason = packet.reasonCode
    })
    await enter({ clientId: 'one' })
    await until(() => !first.mqtt.connected, 'the end of the first connection')
    expect(reason).toBe(version === 5 ? 0x8e : undefined)
    const stranger = { ...thing, secret: 'wrong' }
    await expect(JsClient.connect(site, hub, stranger, { protocolVersion: version })).rejects.toMatchObject({
      code: version === 5 ? 0x86 : 4,
    })
  })
})

describe('MQTT.js that is away', () => {
  itWith([])('has what it missed, in order, over two absences and a kill of the hub, in every version', async () => {
    const corner = await openOwnHub()
    const { hub, home } = corner
    const lasting = (version: 4 | 5): IClientOptions => ({
      clientId: `lasting-${version}`,
      clean: false,
      ...(version === 5 && { properties: { sessionExpiryInterval: 600 } }),
    })
    const comeBack = (version: 4 | 5, more?: IClientOptions) =>
      sceneOf(corner, version).enter({ ...lasting(version), ...more })
    for (const [, version] of versions) {
      const first = await comeBack(version)
      expect(first.connack.sessionPresent).toBe(false)
      await first.mqtt.subscribeAsync(`${home}/#`, { qos: 2 })
      await first.mqtt.endAsync()
    }
    const numbers = Array.from({ length: 40 }, (_unused, i) => `${i}`)
    for (const [i, absence] of [numbers.slice(0, 20), numbers.slice(20)].entries()) {
      const writer = await sceneOf(corner, 5).enter()
      for (const text of absence) await writer.mqtt.publishAsync(`${home}/a`, text, { qos: i === 0 ? 1 : 2 })
      await writer.mqtt.endAsync()
      if (i === 1) {
        await hub.kill()
        await hub.start()
      }
      for (const [, version] of versions) {
        const back = await comeBack(version)
        expect(back.connack.sessionPresent).toBe(true)
        expect(await back.texts(20)).toEqual(absence)
        await back.mqtt.endAsync()
      }
    }
    for (const [, version] of versions) {
      expect((await comeBack(version, { clean: true })).connack.sessionPresent).toBe(false)
    }
  })
})

describe('MQTT.js with what MQTT 5 brought', () => {
  itWith([])('gets subscription options and identifiers as it asks for them', async () => {
    const { enter, home, marker } = await openScene(5)
    const writer = await enter()
    await writer.mqtt.publishAsync(`${home}/a`, 'kept', { qos: 1, retain: true })
    const client = await enter()
    const { mqtt } = client
    await mqtt.subscribeAsync(marker, { qos: 1 })
    // Retain handling: 2 never, 1 for a new subscription, 0 always.
    for (const [rh, texts] of [
      [2, []],
      [1, []],
      [0, ['kept']],
    ] as const) {
      await mqtt.subscribeAsync(`${home}/a`, { qos: 1, rh, nl: true, rap: true })
      // Last values come as soon as the store has found them, and what is published meanwhile does not wait for them.
      expect(await client.texts(texts.length)).toEqual(texts)
      expect(await client.quiet(marker)).toEqual([])
    }
    await mqtt.unsubscribeAsync(`${home}/a`)
    await mqtt.subscribeAsync(`${home}/a`, {
      qos: 1,
      rh: 1,
      nl: true,
      rap: true,
      properties: { subscriptionIdentifier: 7 },
    })
    expect(await client.texts(1)).toEqual(['kept'])
    // No Local, Retain As Published, identifiers of all that match.
    await mqtt.publishAsync(`${home}/a`, 'my own', { qos: 1 })
    expect(await client.quiet(marker)).toEqual([])
    await mqtt.subscribeAsync(`${home}/+`, {
      qos: 2,
      rh: 2,
      nl: true,
      properties: { subscriptionIdentifier: 300_000 },
    })
    await writer.mqtt.publishAsync(`${home}/a`, 'new', { qos: 2, retain: true })
    const [heard] = await client.take(1)
    expect([textOf(heard!), heard!.qos, heard!.retain]).toEqual(['new', 2, true])
    const ids = [heard!.properties!.subscriptionIdentifier].flat() as number[]
    expect(ids.sort((a, b) => a - b)).toEqual([7, 300_000])
  })

  itWith([])('abbreviates topics, by its own choice and the hub’s', async () => {
    const { enter, home } = await openScene(5)
    const reader = await enter({ properties: { topicAliasMaximum: 3 } })
    const received: (readonly [string, number | undefined])[] = []
    reader.mqtt.on('packetreceive', packet => {
      if (packet.cmd === 'publish') received.push([packet.topic, packet.properties?.topicAlias])
    })
    await reader.mqtt.subscribeAsync(`${home}/#`, { qos: 1 })
    const topics = Array.from({ length: 20 }, (_unused, i) => `${home}/${i % 5}`)
    const writers = [
      await enter({ autoAssignTopicAlias: true }),
      await enter({ autoUseTopicAlias: true }),
      await enter(),
    ] as const
    const sent: string[] = []
    writers[0].mqtt.on('packetsend', packet => {
      if (packet.cmd === 'publish') sent.push(packet.topic)
    })
    for (const { mqtt } of writers) for (const topic of topics) await mqtt.publishAsync(topic, topic, { qos: 1 })
    const explicit = writers[2].mqtt
    await explicit.publishAsync(`${home}/named`, `${home}/named`, { qos: 1, properties: { topicAlias: 16 } })
    await explicit.publishAsync('', `${home}/named`, { qos: 1, properties: { topicAlias: 16 } })
    const heard = await reader.take(62)
    // What the application is told is the topic in words, whatever went over the wire.
    expect(heard.map(textOf)).toEqual([...topics, ...topics, ...topics, `${home}/named`, `${home}/named`])
    expect(heard.map(({ topic }) => topic)).toEqual(heard.map(textOf))
    expect(sent.filter(topic => topic === '').length).toBe(15)
    expect(new Set(received.map(([, alias]) => alias))).toEqual(new Set([1, 2, 3, undefined]))
    expect(received.filter(([topic]) => topic === '').length).toBe(33)
  })

  itWith([])('keeps what goes along with a message, user properties in their order', async () => {
    const { enter, home } = await openScene(5)
    const client = await enter()
    await client.mqtt.subscribeAsync(`${home}/#`, { qos: 2 })
    const properties = {
      payloadFormatIndicator: true,
      contentType: 'application/json',
      responseTopic: `${home}/answers`,
      correlationData: Buffer.from([0, 255, 1]),
      messageExpiryInterval: 1_000,
      userProperties: { z: ['1', '0', '1'], a: 'ä' },
    }
    await client.mqtt.publishAsync(`${home}/a`, '{}', { qos: 2, properties })
    const [heard] = await client.take(1)
    const { messageExpiryInterval, ...others } = heard!.properties!
    const { messageExpiryInterval: _expiry, ...expected } = properties
    expect(others).toMatchObject(expected)
    expect(Object.keys(others.userProperties!)).toEqual(['z', 'a'])
    expect(messageExpiryInterval).toBeGreaterThan(970)
    expect(messageExpiryInterval).toBeLessThanOrEqual(1_000)
  })

  itWith([])('asks and is answered by response topic and correlation data', async () => {
    const { enter, home } = await openScene(5)
    const server = await enter()
    await server.mqtt.subscribeAsync(`${home}/questions`, { qos: 1 })
    server.mqtt.on('message', (_topic, payload, { properties }) => {
      const { responseTopic, correlationData } = properties!
      server.mqtt.publish(responseTopic!, `answer to ${payload}`, {
        qos: 1,
        properties: { ...(correlationData && { correlationData }) },
      })
    })
    const client = await enter()
    await client.mqtt.subscribeAsync(`${home}/answers/client`, { qos: 1 })
    for (const id of ['a', 'b']) {
      const properties = { responseTopic: `${home}/answers/client`, correlationData: Buffer.from(id) }
      await client.mqtt.publishAsync(`${home}/questions`, id, { qos: 1, properties })
    }
    const answers = await client.take(2)
    expect(answers.map(packet => [textOf(packet), packet.properties!.correlationData!.toString()])).toEqual([
      ['answer to a', 'a'],
      ['answer to b', 'b'],
    ])
  })

  itWith([])('is told limits, reasons and the id it was given', async () => {
    const { enter, home, closed } = await openScene(5)
    const client = await enter({ clientId: '', keepalive: 3, properties: { sessionExpiryInterval: 0xffff_ffff } })
    expect(client.connack.properties).toMatchObject({
      assignedClientIdentifier: expect.stringMatching(/^.+$/),
      serverKeepAlive: 5,
      sessionExpiryInterval: 604_800,
      receiveMaximum: 64,
      maximumPacketSize: 262_144,
      topicAliasMaximum: 16,
    })
    for (const qos of [1, 2] as const) {
      await expect(client.mqtt.publishAsync(`${closed}/a`, 'x', { qos })).rejects.toMatchObject({ code: 0x87 })
    }
    // MQTT.js takes a refused filter for an error.
    await expect(client.mqtt.subscribeAsync(`${closed}/#`, { qos: 1 })).rejects.toThrow(/not authorized/i)
    const unsuback = await client.mqtt.unsubscribeAsync(`${home}/none`)
    expect(unsuback).toMatchObject({ granted: [0x11] })
  })

  itWith([])('is sent no more at a time, and nothing larger, than it says that it takes', async () => {
    const { enter, home } = await openScene(5)
    const client = await enter({
      properties: { receiveMaximum: 2, maximumPacketSize: 200 },
      // Holds each message back for a moment, as an application that has to store it does.
      customHandleAcks: (_topic, _message, _packet, done) => {
        held.push(() => done(0))
      },
    })
    const held: (() => void)[] = []
    await client.mqtt.subscribeAsync(`${home}/#`, { qos: 1 })
    const writer = await enter()
    await writer.mqtt.publishAsync(`${home}/a`, 'x'.repeat(200), { qos: 1 })
    for (let i = 0; i < 10; i++) await writer.mqtt.publishAsync(`${home}/a`, `${i}`, { qos: 1 })
    const texts: string[] = []
    while (texts.length < 10) {
      await until(() => held.length > 0, 'a message')
      expect(held.length).toBeLessThanOrEqual(2)
      held.shift()!()
      texts.push(...(await client.texts(1)))
    }
    expect(texts).toEqual(Array.from({ length: 10 }, (_unused, i) => `${i}`))
  })

  itWith([])('has its will wait, and go out with its properties when the session is over', async () => {
    const { enter, home, marker } = await openScene(5)
    const watcher = await enter()
    await watcher.mqtt.subscribeAsync({ [`${home}/will`]: { qos: 1 }, [marker]: { qos: 1 } })
    const properties = { contentType: 'text/plain', userProperties: { why: 'battery' } }
    const will = { topic: `${home}/will`, payload: Buffer.from('gone'), qos: 1 as const, retain: false }
    const delayed = (willDelayInterval: number, sessionExpiryInterval: number): IClientOptions => ({
      clientId: 'fading',
      clean: false,
      properties: { sessionExpiryInterval },
      will: { ...will, properties: { ...properties, willDelayInterval } },
    })
    const first = await enter(delayed(600, 600))
    await first.cut()
    // Back in time, and then gone for good: the session ends before the delay does.
    const second = await enter(delayed(600, 1))
    expect(second.connack.sessionPresent).toBe(true)
    expect(await watcher.quiet(marker)).toEqual([])
    await second.cut()
    const [said] = await watcher.take(1)
    expect([textOf(said!), said!.properties]).toMatchObject(['gone', properties])
    // A goodbye that asks for it.
    const third = await enter({ will })
    await third.mqtt.endAsync(false, { reasonCode: 0x04 })
    expect(await watcher.texts(1)).toEqual(['gone'])
  })

  itWith([])('does not get what has expired, and has a session as long as it says', async () => {
    const { enter, home, marker } = await openScene(5)
    const options: IClientOptions = { clientId: 'away', clean: false, properties: { sessionExpiryInterval: 600 } }
    const away = await enter(options)
    await away.mqtt.subscribeAsync(`${home}/#`, { qos: 1 })
    await away.mqtt.endAsync()
    const writer = await enter()
    for (const [text, messageExpiryInterval] of [
      ['short', 1],
      ['long', 1_000],
    ] as const) {
      await writer.mqtt.publishAsync(`${home}/a`, text, { qos: 1, properties: { messageExpiryInterval } })
    }
    const from = Date.now()
    await until(() => Date.now() - from > 1_100, 'a second and a bit')
    const back = await enter(options)
    expect(await back.texts(1)).toEqual(['long'])
    expect((await back.quiet(marker)).map(textOf)).toEqual([])
    // DISCONNECT may end the session at once.
    await back.mqtt.endAsync(false, { properties: { sessionExpiryInterval: 0 } })
    expect((await enter(options)).connack.sessionPresent).toBe(false)
  })
})
