import { decodeMessage, OptionNumber } from '@thingmesh/core/coap'
import { type Packet, PacketParser, type ProtocolLevel } from '@thingmesh/core/mqtt'
import { describe, expect, it } from 'vitest'
import { textOf } from '../support/hub.ts'
import { bytesOf, hexOf, type Line, startSite, wireOf } from './site.ts'

type Site = Awaited<ReturnType<typeof startSite>>

/** What every publish in the vectors says. */
const stored = { topic: 'telemetry/room1', delivery: 'at-least-once', retain: false }
const said = { ...stored, contentType: 'application/json', properties: { expiresInSeconds: 60 } }

async function lastStored({ reader }: Site) {
  const { messages } = await reader.read({ filter: 'telemetry/#', limit: 100 })
  return messages.at(-1)
}

async function expectAnswer(line: Line, wanted: string): Promise<void> {
  expect(await line.next(wanted.length / 2)).toBe(wanted)
}

describe('MQTT', () => {
  async function connected(site: Site, clientId = 'c1'): Promise<Line> {
    const line = await site.mqtt()
    line.send(wireOf('mqtt/who').replace(hexOf(Buffer.from('c1')), hexOf(Buffer.from(clientId))))
    // With MQTT 5 it tells the hub's limits, which are no row of the table.
    const [type, length] = bytesOf(await line.next(2))
    expect(type).toBe(0x20)
    expect(bytesOf(await line.next(length!)).subarray(0, 2)).toEqual(Buffer.of(0, 0))
    return line
  }

  it.each<readonly [string, string, Record<string, unknown> | undefined]>([
    ['mqtt/publish-at-least-once', 'mqtt/ack-at-least-once', said],
    ['mqtt/publish-exactly-once', 'mqtt/ack-exactly-once', { ...stored, delivery: 'exactly-once', contentType: '' }],
    ['mqtt/publish-forbidden', 'mqtt/refused', undefined],
    ['mqtt/subscribe', 'mqtt/subscribed', undefined],
  ])('%s is answered by %s', async (asked, answered, message) => {
    const site = await startSite()
    const line = await connected(site)
    line.send(wireOf(asked))
    await expectAnswer(line, wireOf(answered))
    const last = await lastStored(site)
    if (message === undefined) expect(last).toBeUndefined()
    else expect(last).toMatchObject({ ...message, publisher: site.publisher, protocol: 'mqtt' })
    if (last !== undefined) expect(textOf(last)).toBe('{"t":1}')
  })

  it('mqtt/publish-at-most-once is not answered, and stored', async () => {
    const site = await startSite()
    const line = await connected(site)
    line.send(wireOf('mqtt/publish-at-most-once') + wireOf('mqtt/publish-at-least-once'))
    await expectAnswer(line, wireOf('mqtt/ack-at-least-once'))
    const { messages } = await site.reader.read({ filter: 'telemetry/#', limit: 100 })
    expect(messages.map(({ delivery }) => delivery)).toEqual(['at-most-once', 'at-least-once'])
  })

  it('mqtt/message is what a subscriber is told, and mqtt/last-value who comes later', async () => {
    const site = await startSite()
    const [publisher, subscriber] = [await connected(site), await connected(site, 'c2')]
    subscriber.send(wireOf('mqtt/subscribe'))
    await expectAnswer(subscriber, wireOf('mqtt/subscribed'))
    publisher.send(wireOf('mqtt/publish-at-least-once'))
    await expectPublish(subscriber, 5, 'mqtt/message')
    publisher.send(wireOf('mqtt/last-value-set'))
    const late = await connected(site, 'c3')
    late.send(wireOf('mqtt/subscribe'))
    await expectAnswer(late, wireOf('mqtt/subscribed'))
    await expectPublish(late, 5, 'mqtt/last-value')
    publisher.send(wireOf('mqtt/last-value-clear'))
    await expect.poll(() => site.reader.latest('telemetry/#')).toEqual([])
  })

  it('3.1.1: who, a message, and who is nobody', async () => {
    const site = await startSite()
    const line = await site.mqtt()
    line.send(wireOf('mqtt/who-3.1.1'))
    await expectAnswer(line, wireOf('mqtt/welcome-3.1.1'))
    line.send(wireOf('mqtt/subscribe-3.1.1'))
    await expectAnswer(line, wireOf('mqtt/subscribed-3.1.1'))
    const publisher = await connected(site, 'c2')
    publisher.send(wireOf('mqtt/publish-at-least-once'))
    await expectPublish(line, 4, 'mqtt/message-3.1.1')
    const stranger = await site.mqtt()
    stranger.send(wireOf('mqtt/who-3.1.1').replace(hexOf(Buffer.from('golden')), hexOf(Buffer.from('gilded'))))
    await expectAnswer(stranger, wireOf('mqtt/unauthenticated-3.1.1'))
  })
})

/** The hub chooses packet ids, and in what order properties stand. */
async function expectPublish(line: Line, level: ProtocolLevel, name: string): Promise<void> {
  const wanted = wireOf(name)
  const read = (hex: string) => {
    const packets: Packet[] = []
    const parser = new PacketParser({ role: 'client', level, maximumPacketSize: 1_000 })
    parser.push(new Uint8Array(bytesOf(hex)), packet => void packets.push(packet))
    return packets.map(packet => ({ ...packet, packetId: 0 }))
  }
  expect(read(await line.next(wanted.length / 2))).toEqual(read(wanted))
}

describe('CoAP', () => {
  it.each<readonly [string, string, Record<string, unknown> | undefined]>([
    ['coap/publish', 'coap/ack', said],
    ['coap/publish-long-path', 'coap/ack', said],
    ['coap/last-value-set', 'coap/ack', { ...stored, contentType: 'application/json', retain: true }],
    ['coap/last-value-clear', 'coap/last-value-cleared', { ...stored, retain: true }],
    ['coap/last-value-get', 'coap/not-found', undefined],
    ['coap/who-by-name', 'coap/not-found', undefined],
    ['coap/who-nobody', 'coap/unauthenticated', undefined],
    ['coap/publish-forbidden', 'coap/refused', undefined],
  ])('%s is answered by %s', async (asked, answered, message) => {
    const site = await startSite()
    const line = await site.coap()
    line.send(wireOf(asked))
    await expectAnswer(line, wireOf(answered))
    const last = await lastStored(site)
    if (message === undefined) expect(last).toBeUndefined()
    else expect(last).toMatchObject({ ...message, publisher: site.publisher, protocol: 'coap' })
  })

  /** All but the tag, which no other log has. */
  const withoutTag = (hex: string) => {
    const { options, ...rest } = decodeMessage(new Uint8Array(bytesOf(hex)))
    return { ...rest, options: options.filter(({ number }) => number !== OptionNumber.eTag) }
  }

  it('coap/publish-at-most-once is not confirmed, and answered by what is not either', async () => {
    const site = await startSite()
    const line = await site.coap()
    line.send(wireOf('coap/publish-at-most-once'))
    const { type, code } = decodeMessage(new Uint8Array(bytesOf(await line.next())))
    expect([type, code]).toEqual(['non-confirmable', 0x44])
    await expect.poll(() => lastStored(site)).toMatchObject({ ...stored, delivery: 'at-most-once' })
  })

  it('coap/last-value is what a GET finds, and coap/notification what an observer is told', async () => {
    const site = await startSite()
    const [setter, getter, observer, publisher] = [
      await site.coap(),
      await site.coap(),
      await site.coap(),
      await site.coap(),
    ]
    setter.send(wireOf('coap/last-value-set'))
    await expectAnswer(setter, wireOf('coap/ack'))
    getter.send(wireOf('coap/last-value-get'))
    expect(withoutTag(await getter.next())).toEqual(withoutTag(wireOf('coap/last-value')))
    observer.send(wireOf('coap/subscribe'))
    await observer.next()
    publisher.send(wireOf('coap/publish'))
    await expectAnswer(publisher, wireOf('coap/ack'))
    // Its message id is the hub's own.
    const told = withoutTag(await observer.next())
    expect(told).toEqual({ ...withoutTag(wireOf('coap/notification')), messageId: told.messageId })
  })

  it.each(['coap-tcp', 'coap-websocket'] as const)('%s: settings, a publish, its ack', async transport => {
    const site = await startSite()
    const line = await site[transport]()
    await expectAnswer(line, wireOf(`${transport}/settings`))
    line.send('00e1')
    line.send(wireOf(`${transport}/publish`))
    await expectAnswer(line, wireOf(`${transport}/ack`))
    expect(await lastStored(site)).toMatchObject({ ...said, publisher: site.publisher, protocol: 'coap' })
  })
})
