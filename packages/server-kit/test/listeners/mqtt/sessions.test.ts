import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import type { PublishPacket } from '@thingmesh/core/mqtt'
import { describe, expect, it, onTestFinished, vi } from 'vitest'
import { memoryStore } from '../../../src/store/memory/index.ts'
import { sqliteStore } from '../../../src/store/sqlite/index.ts'
import { severable } from '../../support/severed-store.ts'
import { lasting, levels, type Site, startSite, stockMessages, type Thing } from './fixture.ts'
import { type ConnectOptions, type TestPeer, textOf } from './peer.ts'

const numbers = (from: number, to: number) => Array.from({ length: to - from }, (_, i) => String(from + i))

const connack = (site: Site, thing: Thing, options: ConnectOptions) => site.enter(thing, options)

function sqlite() {
  const directory = mkdtempSync(join(tmpdir(), 'thingmesh-sessions-'))
  onTestFinished(() => rmSync(directory, { recursive: true, force: true }))
  const store = sqliteStore({ path: join(directory, 'hub.db'), durability: 'process' })
  onTestFinished(() => store.stop())
  return store
}

const stores = [
  ['memory', memoryStore],
  ['sqlite', sqlite],
] as const

async function publishAll(writer: TestPeer, texts: readonly string[], topic = 'telemetry/a') {
  for (const text of texts) expect(await writer.publish(topic, text)).toBe(0)
}

describe.each(levels)('a lasting session with MQTT %s', (_, level) => {
  it('is there again, with its subscriptions and all that it missed, in order', async () => {
    const site = await startSite()
    const thing = await site.thing('sensor')
    const first = await connack(site, thing, lasting(level))
    expect(first.sessionPresent).toBe(false)
    await first.peer.subscribe('telemetry/#')
    await first.peer.disconnect()
    const writer = await site.connect(thing)
    await publishAll(writer, numbers(0, 200))
    // At-most-once messages are for those who are there.
    await writer.publish('telemetry/a', 'lost', { qos: 0 })
    await writer.arrived()
    const second = await connack(site, thing, lasting(level))
    expect(second.sessionPresent).toBe(true)
    expect(await second.peer.texts(200)).toEqual(numbers(0, 200))
    await publishAll(writer, ['live'])
    expect((await second.peer.arrived()).map(textOf)).toEqual(['live'])
    second.peer.cut()
    await vi.waitFor(() => expect(site.counter('thingmesh_sessions')).toBe(1))
    await publishAll(writer, ['after the cut'])
    const third = await connack(site, thing, lasting(level))
    expect(third.sessionPresent).toBe(true)
    expect(await third.peer.texts(1)).toEqual(['after the cut'])
  })

  it('is not found by a session that is not of that name', async () => {
    const site = await startSite()
    const thing = await site.thing('sensor')
    const { peer } = await connack(site, thing, lasting(level, 'one'))
    await peer.disconnect()
    expect((await connack(site, thing, lasting(level, 'ONE'))).sessionPresent).toBe(false)
  })

  it('is forgotten by a clean start', async () => {
    const site = await startSite()
    const thing = await site.thing('sensor')
    const { peer } = await connack(site, thing, lasting(level))
    await peer.subscribe('telemetry/#')
    await peer.disconnect()
    const writer = await site.connect(thing)
    await publishAll(writer, ['missed'])
    const clean = await connack(site, thing, { ...lasting(level), cleanStart: true })
    expect(clean.sessionPresent).toBe(false)
    await publishAll(writer, ['not subscribed'])
    expect(await clean.peer.arrived()).toEqual([])
    await clean.peer.disconnect()
    // With MQTT 5 a clean start begins a new session, which may last; before it, a clean session ends.
    expect((await connack(site, thing, lasting(level))).sessionPresent).toBe(level === 5)
  })

  it('sends again what was not acknowledged, with DUP and the same packet ids, and before anything else', async () => {
    const site = await startSite()
    const thing = await site.thing('sensor')
    const { peer } = await connack(site, thing, lasting(level))
    peer.acknowledges = false
    await peer.subscribe('telemetry/#')
    const writer = await site.connect(thing)
    await publishAll(writer, numbers(0, 6))
    const sent = await peer.takeAll(6)
    expect(new Set(sent.map(({ packetId }) => packetId)).size).toBe(6)
    expect(sent.every(({ dup }) => !dup)).toBe(true)
    // Out of order, which a client may do.
    for (const i of [4, 1]) peer.acknowledge(sent[i]!)
    await peer.arrived()
    peer.cut()
    await vi.waitFor(() => expect(site.counter('thingmesh_sessions')).toBe(1))
    await publishAll(writer, numbers(6, 9))
    const back = (await connack(site, thing, lasting(level))).peer
    const again = await back.takeAll(7)
    expect(again.map(textOf)).toEqual(['0', '2', '3', '5', '6', '7', '8'])
    expect(again.map(({ dup }) => dup)).toEqual([true, true, true, true, false, false, false])
    expect(again.slice(0, 4).map(({ packetId }) => packetId)).toEqual([0, 2, 3, 5].map(i => sent[i]!.packetId))
    // Ids of what is still under way are not given to what is new.
    expect(new Set(again.map(({ packetId }) => packetId)).size).toBe(7)
    await back.disconnect()
    expect(await (await connack(site, thing, lasting(level))).peer.arrived()).toEqual([])
  })

  describe.each(stores)('in a %s store', (_name, open) => {
    it('after a stop of the hub: with DUP and the same packet ids, and without DUP what was never sent', async () => {
      const store = open()
      const first = severable(store)
      const site = await startSite({ store: first })
      const thing = await site.thing('sensor')
      const { peer } = await connack(site, thing, lasting(level))
      peer.acknowledges = false
      await peer.subscribe('telemetry/#')
      const writer = await site.connect(thing)
      await publishAll(writer, numbers(0, 3))
      const sent = await peer.takeAll(3)
      peer.cut()
      await vi.waitFor(() => expect(site.counter('thingmesh_sessions')).toBe(1))
      await publishAll(writer, numbers(3, 5))
      await site.hub.stop()
      const next = await startSite({ store: severable(store) })
      const again = await (await connack(next, thing, lasting(level))).peer.takeAll(5)
      expect(again.map(textOf)).toEqual(numbers(0, 5))
      expect(again.map(({ dup }) => dup)).toEqual([true, true, true, false, false])
      expect(again.slice(0, 3).map(({ packetId }) => packetId)).toEqual(sent.map(({ packetId }) => packetId))
    })

    it('after two kills of the hub: with DUP and the same packet ids, and without DUP what came later', async () => {
      const store = open()
      let severed = severable(store)
      const site = await startSite({ store: severed })
      const thing = await site.thing('sensor')
      const { peer } = await connack(site, thing, lasting(level))
      peer.acknowledges = false
      await peer.subscribe('telemetry/#')
      await publishAll(await site.connect(thing), numbers(0, 3))
      const sent = await peer.takeAll(3)
      // That the peer's connection ended is noted by nobody.
      severed.sever()
      await site.hub.stop()
      severed = severable(store)
      const second = await startSite({ store: severed })
      await publishAll(await second.connect(thing), numbers(3, 5))
      severed.sever()
      await second.hub.stop()
      const third = await startSite({ store: severable(store) })
      const again = await (await connack(third, thing, lasting(level))).peer.takeAll(5)
      expect(again.map(textOf)).toEqual(numbers(0, 5))
      expect(again.map(({ dup }) => dup)).toEqual([true, true, true, false, false])
      expect(again.slice(0, 3).map(({ packetId }) => packetId)).toEqual(sent.map(({ packetId }) => packetId))
    })
  })

  it('outlives the hub as long as its store does', async () => {
    const store = memoryStore()
    const site = await startSite({ store })
    const thing = await site.thing('sensor')
    const { peer } = await connack(site, thing, lasting(level))
    await peer.subscribe('telemetry/#')
    const writer = await site.connect(thing)
    await publishAll(writer, numbers(0, 10))
    expect(await peer.texts(10)).toEqual(numbers(0, 10))
    peer.cut()
    await vi.waitFor(() => expect(site.counter('thingmesh_sessions')).toBe(1))
    await publishAll(writer, numbers(10, 20))
    await site.hub.stop()
    const next = await startSite({ store })
    const back = await connack(next, thing, lasting(level))
    expect(back.sessionPresent).toBe(true)
    const texts: string[] = []
    while (texts.at(-1) !== '19') texts.push(...(await back.peer.texts(1)))
    // What was acknowledged just before the stop may come again; nothing is missing.
    expect(texts.slice(-10)).toEqual(numbers(10, 20))
  })

  it('is taken over by a new connection of the same thing, which gets what the old one had not acknowledged', async () => {
    const site = await startSite()
    await site.startBystander()
    const thing = await site.thing('sensor')
    const old = (await connack(site, thing, lasting(level))).peer
    old.acknowledges = false
    await old.subscribe('telemetry/#')
    const writer = await site.connect(thing)
    await publishAll(writer, ['x'])
    await old.take('publish')
    const taker = await connack(site, thing, lasting(level))
    expect(taker.sessionPresent).toBe(true)
    expect(await old.closeReason()).toBe(level === 5 ? 0x8e : undefined)
    expect(await taker.peer.texts(1)).toEqual(['x'])
    await publishAll(writer, ['y'])
    expect(await taker.peer.texts(1)).toEqual(['y'])
    await site.expectUndisturbed()
  })

  it('is never taken over by another thing: each has its own session of that name', async () => {
    const site = await startSite()
    const mine = await site.thing('mine')
    const theirs = await site.thing('theirs')
    const one = (await connack(site, mine, lasting(level, 'same'))).peer
    await one.subscribe('telemetry/mine')
    const other = await connack(site, theirs, { ...lasting(level, 'same'), cleanStart: level === 5 })
    expect(other.sessionPresent).toBe(false)
    await other.peer.subscribe('telemetry/theirs')
    const writer = await site.connect(mine)
    const both = async (count: number) => {
      await publishAll(writer, [`m${count}`], 'telemetry/mine')
      await publishAll(writer, [`t${count}`], 'telemetry/theirs')
    }
    await both(1)
    expect((await one.arrived()).map(textOf)).toEqual(['m1'])
    expect((await other.peer.arrived()).map(textOf)).toEqual(['t1'])
    await one.disconnect()
    await other.peer.disconnect()
    await both(2)
    const otherAgain = await connack(site, theirs, lasting(level, 'same'))
    const oneAgain = await connack(site, mine, lasting(level, 'same'))
    expect([oneAgain.sessionPresent, otherAgain.sessionPresent]).toEqual([true, true])
    expect(await oneAgain.peer.texts(1)).toEqual(['m2'])
    expect(await otherAgain.peer.texts(1)).toEqual(['t2'])
    expect((await oneAgain.peer.arrived()).length + (await otherAgain.peer.arrived()).length).toBe(0)
  })

  it('serves MQTT.js', async () => {
    const site = await startSite()
    const thing = await site.thing('sensor')
    const options = {
      protocolVersion: level as 4 | 5,
      clientId: 'stock',
      clean: false,
      ...(level === 5 && { properties: { sessionExpiryInterval: 600 } }),
    }
    const first = await site.stock(thing, options)
    await first.subscribeAsync('telemetry/#', { qos: 1 })
    await first.endAsync()
    const writer = await site.connect(thing)
    await publishAll(writer, numbers(0, 3))
    const second = await site.stock(thing, options)
    expect((await stockMessages(second, 3)).map(({ text }) => text)).toEqual(numbers(0, 3))
  })
})

describe('session expiry of MQTT 5', () => {
  it('of 0 ends the session with its connection', async () => {
    const site = await startSite()
    const thing = await site.thing('sensor')
    const first = await connack(site, thing, { clientId: 'brief', cleanStart: false })
    await first.peer.subscribe('telemetry/#')
    first.peer.cut()
    await vi.waitFor(() => expect(site.counter('thingmesh_sessions')).toBe(0))
    expect((await connack(site, thing, { clientId: 'brief', cleanStart: false })).sessionPresent).toBe(false)
  })

  it('may be set to 0 in DISCONNECT', async () => {
    const site = await startSite()
    const thing = await site.thing('sensor')
    const { peer } = await connack(site, thing, lasting(5))
    await peer.disconnect(0, 0)
    expect((await connack(site, thing, lasting(5))).sessionPresent).toBe(false)
  })

  it('may be made longer in DISCONNECT, and counts from then on', async () => {
    const site = await startSite()
    const thing = await site.thing('sensor')
    const { peer } = await connack(site, thing, { ...lasting(5), properties: { sessionExpiryInterval: 1 } })
    await peer.disconnect(0, 600)
    const from = Date.now()
    await expect.poll(() => Date.now() - from, { timeout: 3_000, interval: 50 }).toBeGreaterThan(1_100)
    expect((await connack(site, thing, lasting(5))).sessionPresent).toBe(true)
  })

  it('may not be set in DISCONNECT after none in CONNECT', async () => {
    const site = await startSite()
    const thing = await site.thing('sensor')
    const { peer } = await connack(site, thing, { clientId: 'brief' })
    peer.send({ type: 'disconnect', reasonCode: 0, properties: { sessionExpiryInterval: 5 } })
    expect(await peer.closeReason()).toBe(0x82)
    expect((await connack(site, thing, { clientId: 'brief', cleanStart: false })).sessionPresent).toBe(false)
  })

  it('ends a session that stays away longer', async () => {
    const site = await startSite()
    const thing = await site.thing('sensor')
    const short = { ...lasting(5), properties: { sessionExpiryInterval: 1 } }
    const { peer } = await connack(site, thing, short)
    await peer.disconnect()
    expect(site.counter('thingmesh_sessions_kept')).toBe(1)
    await vi.waitFor(() => expect(site.counter('thingmesh_sessions_kept')).toBe(0), { timeout: 10_000, interval: 50 })
    expect((await connack(site, thing, short)).sessionPresent).toBe(false)
  })
})

describe('the flow to a session', () => {
  it('respects the receive maximum of an MQTT 5 client', async () => {
    const site = await startSite()
    const thing = await site.thing('sensor')
    const reader = await site.connect(thing, { properties: { receiveMaximum: 3 } })
    reader.acknowledges = false
    await reader.subscribe('telemetry/#')
    const writer = await site.connect(thing)
    await publishAll(writer, numbers(0, 20))
    const texts: string[] = []
    while (texts.length < 20) {
      const waiting = await reader.arrived()
      expect(waiting.length).toBe(Math.min(3, 20 - texts.length))
      for (const packet of await reader.takeAll(waiting.length)) {
        texts.push(textOf(packet))
        reader.acknowledge(packet)
      }
    }
    expect(texts).toEqual(numbers(0, 20))
    // At-most-once deliveries are not bounded by it.
    for (const text of numbers(0, 10)) await writer.publish('telemetry/a', text, { qos: 0 })
    await writer.arrived()
    expect((await reader.arrived()).map(textOf)).toEqual(numbers(0, 10))
  })

  it('bounds what an older client has to acknowledge', async () => {
    const site = await startSite({ limits: { windowMax: 5 } })
    const thing = await site.thing('sensor')
    const reader = await site.connect(thing, { level: 4 })
    reader.acknowledges = false
    await reader.subscribe('telemetry/#')
    const writer = await site.connect(thing)
    await publishAll(writer, numbers(0, 12))
    expect((await reader.arrived()).map(textOf)).toEqual(numbers(0, 5))
    // One acknowledgement, one more; one that is for nothing, none.
    reader.acknowledge((await reader.takeAll(5))[3]!)
    reader.acknowledge({ packetId: 999 })
    expect((await reader.arrived()).map(textOf)).toEqual(['5'])
  })

  it('goes round the packet ids and gives none to another message while it is under way', async () => {
    const site = await startSite()
    const thing = await site.thing('sensor')
    const reader = await site.connect(thing, { level: 4, keepAliveSeconds: 0 })
    reader.acknowledges = false
    await reader.subscribe('telemetry/#')
    const writer = await site.connect(thing)
    const logIds = 64_511
    const total = logIds + 200
    const seen: number[] = []
    let held: PublishPacket | undefined
    for (let sent = 0; sent < total; ) {
      const burst = Math.min(60, total - sent)
      for (let i = 0; i < burst; i++) writer.sendPublish('telemetry/a', `${sent + i}`)
      for (let i = 0; i < burst; i++) {
        // The first one was not acknowledged, so the one that would have its id waits, and those behind it.
        if (sent + i === logIds) {
          expect(await reader.arrived()).toEqual([])
          reader.acknowledge(held!)
        }
        const packet = await reader.take('publish')
        if (textOf(packet) !== `${sent + i}`) throw new Error(`${textOf(packet)} came, not ${sent + i}`)
        if (held === undefined) held = packet
        else reader.acknowledge(packet)
        seen.push(packet.packetId)
      }
      sent += burst
      writer.packets.length = 0
    }
    // The ids above are for last values, which have no place in the order of the log.
    expect(Math.min(...seen)).toBe(1)
    expect(Math.max(...seen)).toBe(logIds)
    // Which id a message has follows from its place in the log: they come round in turn.
    expect(seen).toEqual(seen.map((_, i) => ((seen[0]! - 1 + i) % logIds) + 1))
  })
})
