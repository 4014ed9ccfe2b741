import { describe, expect } from 'vitest'
import { Paho, type PahoConnect, type PahoVersion, paho } from './support/paho.ts'
import { itWith } from './support/peers.ts'
import { type Corner, openOwnHub, shareHub } from './support/shared-hub.ts'

interface Scene extends Corner {
  /** A topic that is for `Paho.quiet`. */
  readonly marker: string
  readonly enter: (options?: PahoConnect) => ReturnType<typeof Paho.connect>
}

const openCorner = shareHub()

function sceneOf(corner: Corner, version: PahoVersion): Scene {
  const { site, hub, thing, home } = corner
  const enter = (options?: PahoConnect) => Paho.connect(site, hub, thing, { version, ...options })
  return { ...corner, marker: `${home}/marker`, enter }
}

const openScene = async (version: PahoVersion) => sceneOf(await openCorner(), version)

const qualities = [0, 1, 2] as const
const versions: readonly PahoVersion[] = ['3.1', '3.1.1', '5']

describe.each(versions)('paho-mqtt in version %s', version => {
  itWith(paho)('publishes and hears with every two qualities, finds last values, and unsubscribes', async () => {
    const { enter, home, marker } = await openScene(version)
    const { client: writer } = await enter({ id: 'writer' })
    const { client: reader } = await enter({ id: 'reader' })
    for (const qos of qualities) await writer.publish(`${home}/kept/${qos}`, `${qos}`, { qos, retain: true })
    for (const granted of qualities) {
      const filters = { [`${home}/kept/+`]: { qos: granted }, [`${home}/+/x`]: { qos: granted }, [marker]: { qos: 1 } }
      expect(await reader.subscribe(filters)).toEqual([granted, granted, 1])
      const kept = await reader.take(3)
      const told = kept.map(({ payload, qos, retain }) => [payload, qos, retain])
      expect(told.sort()).toEqual(qualities.map(qos => [`${qos}`, Math.min(qos, granted), true]))
      for (const qos of qualities) await writer.publish(`${home}/a/x`, `${qos}`, { qos })
      const live = (await reader.take(3)).map(({ payload, qos, retain, dup }) => [payload, qos, retain, dup])
      expect(live.sort()).toEqual(qualities.map(qos => [`${qos}`, Math.min(qos, granted), false, false]))
      const codes = await reader.unsubscribe([`${home}/kept/+`, `${home}/+/x`])
      expect(codes).toEqual(version === '5' ? [0, 0] : [])
      await writer.publish(`${home}/a/x`, 'not heard', { qos: 1 })
      expect(await reader.quiet(marker)).toEqual([])
    }
  })

  itWith(paho)('has its will published when it is killed, and not when it says goodbye', async () => {
    const { enter, home, marker } = await openScene(version)
    const { client: watcher } = await enter({ id: 'watcher' })
    await watcher.subscribe({ [`${home}/will`]: { qos: 2 }, [marker]: { qos: 1 } })
    const will = { topic: `${home}/will`, payload: 'gone', qos: 2, retain: true }
    const { client: polite } = await enter({ id: 'polite', will })
    await polite.disconnect()
    expect(await watcher.quiet(marker)).toEqual([])
    const { client: killed } = await enter({ id: 'killed', will })
    await killed.kill()
    const [said] = await watcher.take(1)
    expect(said).toMatchObject({ payload: 'gone', qos: 2, retain: false })
  })

  itWith(paho)('is told when its session is taken over, and when its key is wrong', async () => {
    const { site, hub, thing, enter } = await openScene(version)
    const { client: first } = await enter({ id: 'one' })
    await enter({ id: 'one' })
    const told = await first.disconnected()
    if (version === '5') expect(told).toBe(0x8e)
    else expect(told).toBeGreaterThan(0)
    const stranger = { ...thing, secret: 'wrong' }
    expect((await Paho.connect(site, hub, stranger, { version, id: 'stranger' })).code).toBe(version === '5' ? 0x86 : 4)
  })
})

describe('paho-mqtt that is away', () => {
  itWith(paho)('has what it missed, in order, over a kill of the hub, in every version', async () => {
    const corner = await openOwnHub()
    const { hub, home } = corner
    const lasting = (version: PahoVersion): PahoConnect => ({
      id: `lasting-${version}`,
      clean: false,
      ...(version === '5' && { properties: { SessionExpiryInterval: 600 } }),
    })
    for (const version of versions) {
      const first = await sceneOf(corner, version).enter(lasting(version))
      expect(first).toMatchObject({ code: 0, sessionPresent: false })
      await first.client.subscribe({ [`${home}/#`]: { qos: 2 } })
      await first.client.disconnect()
    }
    const { client: writer } = await sceneOf(corner, '5').enter({ id: 'writer' })
    const texts = Array.from({ length: 20 }, (_unused, i) => `${i}`)
    for (const [i, text] of texts.entries()) await writer.publish(`${home}/a`, text, { qos: i < 10 ? 1 : 2 })
    await hub.kill()
    await hub.start()
    for (const version of versions) {
      const back = await sceneOf(corner, version).enter(lasting(version))
      // MQTT 3.1 has no way to say so.
      expect(back).toMatchObject({ code: 0, sessionPresent: version !== '3.1' })
      expect(await back.client.texts(20)).toEqual(texts)
    }
  })
})

describe('paho-mqtt with what MQTT 5 brought', () => {
  itWith(paho)('keeps what goes along with a message, user properties in their order', async () => {
    const { enter, home } = await openScene('5')
    const { client } = await enter()
    await client.subscribe({ [`${home}/#`]: { qos: 2 } }, { SubscriptionIdentifier: 9 })
    const properties = {
      PayloadFormatIndicator: 1,
      ContentType: 'text/plain',
      ResponseTopic: 'some/where',
      CorrelationData: '00ff01',
      UserProperty: [
        ['z', '1'],
        ['a', '2'],
        ['z', '0'],
      ],
    }
    await client.publish(`${home}/a`, 'x', { qos: 2, properties: { ...properties, MessageExpiryInterval: 1_000 } })
    const [message] = await client.take(1)
    const { MessageExpiryInterval, ...others } = message!.properties
    expect(others).toEqual({ ...properties, SubscriptionIdentifier: [9] })
    expect(MessageExpiryInterval).toBeGreaterThan(970)
    await client.publish(`${home}/named`, 'named', { qos: 1, properties: { TopicAlias: 16 } })
    await client.publish(`${home}/named`, 'named again', { qos: 1, properties: { TopicAlias: 16 } })
    expect((await client.take(2)).map(({ topic }) => topic)).toEqual([`${home}/named`, `${home}/named`])
  })

  itWith(paho)('gets subscription options as it asks for them', async () => {
    const { enter, home, marker } = await openScene('5')
    const { client: writer } = await enter()
    await writer.publish(`${home}/a`, 'kept', { qos: 1, retain: true })
    const { client } = await enter()
    await client.subscribe({ [marker]: { qos: 1 } })
    for (const [retainHandling, texts] of [
      [2, []],
      [1, []],
      [0, ['kept']],
    ] as const) {
      await client.subscribe({ [`${home}/a`]: { qos: 1, retainHandling, noLocal: true, retainAsPublished: true } })
      // Last values come as soon as the store has found them, and what is published meanwhile does not wait for them.
      expect(await client.texts(texts.length)).toEqual(texts)
      expect(await client.quiet(marker)).toEqual([])
    }
    await client.publish(`${home}/a`, 'my own', { qos: 1 })
    expect(await client.quiet(marker)).toEqual([])
    for (const retain of [true, false]) {
      await writer.publish(`${home}/a`, 'new', { qos: 1, retain })
      expect((await client.take(1))[0]).toMatchObject({ payload: 'new', retain })
    }
  })

  itWith(paho)('is told limits, reasons and the id it was given', async () => {
    const { enter, home, closed } = await openScene('5')
    const { client, properties } = await enter({
      keepalive: 3,
      properties: { SessionExpiryInterval: 0xffff_ffff, MaximumPacketSize: 150, ReceiveMaximum: 1 },
    })
    expect(properties).toMatchObject({
      AssignedClientIdentifier: expect.stringMatching(/^.+$/),
      ServerKeepAlive: 5,
      SessionExpiryInterval: 604_800,
      ReceiveMaximum: 64,
      MaximumPacketSize: 262_144,
      TopicAliasMaximum: 16,
    })
    expect(await client.subscribe({ [`${home}/#`]: { qos: 1 }, [`${closed}/#`]: { qos: 1 } })).toEqual([1, 0x87])
    expect(await client.unsubscribe([`${home}/none`])).toEqual([0x11])
    const { client: writer } = await enter()
    await writer.publish(`${home}/a`, 'x'.repeat(200), { qos: 1 })
    for (const text of ['1', '2', '3']) await writer.publish(`${home}/a`, text, { qos: 1 })
    expect(await client.texts(3)).toEqual(['1', '2', '3'])
  })

  itWith(paho)('has its will wait, and may leave with it or end its session', async () => {
    const { enter, home, marker } = await openScene('5')
    const { client: watcher } = await enter()
    await watcher.subscribe({ [`${home}/will`]: { qos: 1 }, [marker]: { qos: 1 } })
    const will = { topic: `${home}/will`, payload: 'gone', qos: 1, retain: false }
    const properties = { ContentType: 'text/plain', WillDelayInterval: 600 }
    const fading: PahoConnect = { id: 'fading', clean: false, properties: { SessionExpiryInterval: 600 } }
    const { client: killed } = await enter({ ...fading, will: { ...will, properties } })
    await killed.kill()
    const back = await enter({ ...fading, will: { ...will, properties: { ContentType: 'text/plain' } } })
    expect(back.sessionPresent).toBe(true)
    expect(await watcher.quiet(marker)).toEqual([])
    await back.client.disconnect(0x04, { SessionExpiryInterval: 0 })
    expect((await watcher.take(1))[0]).toMatchObject({ payload: 'gone', properties: { ContentType: 'text/plain' } })
    expect((await enter(fading)).sessionPresent).toBe(false)
  })
})
