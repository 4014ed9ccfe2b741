import type { ProtocolLevel, PublishPacket, QoS } from '@thingmesh/core/mqtt'
import { describe, expect, it, vi } from 'vitest'
import type { Store } from '../../../src/contracts/index.ts'
import { memoryStore } from '../../../src/store/memory/index.ts'
import { heldRecords } from '../../support/held-records.ts'
import { severable } from '../../support/severed-store.ts'
import { lasting, levels, type Site, type SiteOptions, startSite, stockMessages, type Thing } from './fixture.ts'
import { bytes, type TestPeer, textOf } from './peer.ts'

const unknown = (level: ProtocolLevel) => (level === 5 ? 0x92 : 0)
/** Above them are ids of replayed last values. */
const logIds = 64_511

interface Scene {
  readonly site: Site
  readonly thing: Thing
  readonly writer: TestPeer
  readonly reader: TestPeer
  readonly say: (text: string, qos?: QoS) => Promise<void>
}

/** A reader that says nothing by itself, subscribed with QoS 2. */
async function scene(level: ProtocolLevel, options: SiteOptions = {}, session = lasting(level)): Promise<Scene> {
  const site = await startSite(options)
  const thing = await site.thing('sensor')
  const reader = await site.connect(thing, session)
  reader.acknowledges = false
  expect(await reader.subscribe('telemetry/#', { qos: 2 })).toEqual([2])
  const writer = await site.connect(thing)
  const say = async (text: string, qos: QoS = 2) => void (await writer.publish('telemetry/a', text, { qos }))
  return { site, thing, writer, reader, say }
}

const returns = ['by taking over', 'after a cut'] as const

async function comeBack(
  how: (typeof returns)[number],
  { site, thing, reader }: Scene,
  options: ReturnType<typeof lasting>,
) {
  if (how === 'after a cut') {
    reader.cut()
    await vi.waitFor(() => expect(site.counter('thingmesh_sessions')).toBe(1))
  }
  const back = await site.enter(thing, options)
  // The exchanges that are resumed are not answered before a test says so.
  back.peer.acknowledges = false
  return back
}

/** Enters without answering anything, from the first packet on. */
async function reenter(site: Site, thing: Thing, level: ProtocolLevel): Promise<TestPeer> {
  const peer = await site.open(level)
  peer.acknowledges = false
  expect((await peer.connect(site.credentials(thing, lasting(level)))).sessionPresent).toBe(true)
  return peer
}

/** Expires after a second. */
async function say(writer: TestPeer, text: string, qos: QoS = 2): Promise<void> {
  await writer.publish('telemetry/a', text, { qos, properties: { messageExpiryInterval: 1 } })
}

/** A second and a bit of it has to go by. */
async function gone(fromMs: number): Promise<void> {
  await expect.poll(() => Date.now() - fromMs, { timeout: 3_000, interval: 50 }).toBeGreaterThan(1_300)
}

/** Nothing is owed to the session any more. */
async function expectDone(store: Store): Promise<void> {
  const last = (await store.log.read(everything)).messages.at(-1)
  await vi.waitFor(async () => {
    expect((await store.sessions.load()).find(({ clientId }) => clientId === 'lasting')!.cursor).toBeGreaterThanOrEqual(
      last!.sequence,
    )
  })
}

const idOf = ({ packetId }: PublishPacket) => packetId

describe.each(levels)('a delivery with QoS 2 to a peer of MQTT %s', (_, level) => {
  it('goes its four steps', async () => {
    const { reader, say, site } = await scene(level)
    await say('x')
    const { packetId, qos, dup } = await reader.take('publish')
    expect({ qos, dup }).toEqual({ qos: 2, dup: false })
    reader.say('pubrec', packetId)
    expect(await reader.takeAnswer('pubrel', packetId)).toBe(0)
    // Once more, as after an answer that was lost.
    reader.say('pubrec', packetId)
    expect(await reader.takeAnswer('pubrel', packetId)).toBe(0)
    reader.say('pubcomp', packetId)
    reader.say('pubrec', packetId)
    expect(await reader.takeAnswer('pubrel', packetId)).toBe(unknown(level))
    reader.say('pubcomp', packetId, unknown(level))
    await say('y')
    expect(textOf(await reader.take('publish'))).toBe('y')
    expect(site.faults).toEqual([])
  })

  it('that is not under way is answered, and nothing comes of it', async () => {
    const { reader, say, site } = await scene(level)
    await site.startBystander()
    for (const id of [1, logIds, 65_535]) {
      reader.say('pubrec', id)
      expect(await reader.takeAnswer('pubrel', id)).toBe(unknown(level))
      reader.say('pubcomp', id)
      reader.say('puback', id)
    }
    await say('x')
    expect((await reader.arrived()).map(textOf)).toEqual(['x'])
    await site.expectUndisturbed()
  })

  it.runIf(level === 5)('is over when the peer refuses it', async () => {
    const { reader, say, site, thing } = await scene(5, { limits: { windowMax: 1 } })
    await say('unwelcome')
    reader.say('pubrec', (await reader.take('publish')).packetId, 0x97)
    await say('next')
    const next = await reader.take('publish')
    expect(textOf(next)).toBe('next')
    expect(reader.packets).toEqual([])
    reader.cut()
    await vi.waitFor(() => expect(site.counter('thingmesh_sessions')).toBe(1))
    const back = await reenter(site, thing, level)
    expect((await back.arrived()).map(packet => [textOf(packet), packet.packetId])).toEqual([['next', next.packetId]])
  })

  it('takes its place among those of QoS 1 until it is complete', async () => {
    const { reader, say } = await scene(level, { limits: { windowMax: 3 } })
    for (let i = 0; i < 8; i++) await say(`${i}`, i % 2 === 0 ? 2 : 1)
    expect((await reader.arrived()).map(textOf)).toEqual(['0', '1', '2'])
    const [first, second] = await reader.takeAll(3)
    reader.say('pubrec', first!.packetId)
    await reader.takeAnswer('pubrel', first!.packetId)
    expect(await reader.arrived()).toEqual([])
    reader.say('pubcomp', first!.packetId)
    expect((await reader.arrived()).map(textOf)).toEqual(['3'])
    reader.say('puback', second!.packetId)
    expect((await reader.arrived()).map(textOf)).toEqual(['3', '4'])
  })

  describe.each(returns)('where the peer comes back %s', how => {
    it('before it said that it has it: comes again, under the same id', async () => {
      const all = await scene(level)
      for (const [text, qos] of [
        ['0', 2],
        ['1', 1],
        ['2', 2],
      ] as const)
        await all.say(text, qos)
      const sent = await all.reader.takeAll(3)
      const { peer, sessionPresent } = await comeBack(how, all, lasting(level))
      expect(sessionPresent).toBe(true)
      const again = await peer.takeAll(3)
      expect(again.map(textOf)).toEqual(['0', '1', '2'])
      expect(again.map(idOf)).toEqual(sent.map(idOf))
      expect(again.every(({ dup }) => dup)).toBe(true)
    })

    it('after that: is released again and not sent again', async () => {
      const all = await scene(level)
      for (const text of ['0', '1', '2', '3']) await all.say(text)
      const sent = await all.reader.takeAll(4)
      // 1 is complete, 0 and 2 are received, 3 is not.
      for (const i of [0, 1, 2]) {
        all.reader.say('pubrec', sent[i]!.packetId)
        await all.reader.takeAnswer('pubrel', sent[i]!.packetId)
      }
      all.reader.say('pubcomp', sent[1]!.packetId)
      await all.reader.arrived()
      if (how === 'after a cut') {
        all.reader.cut()
        await vi.waitFor(() => expect(all.site.counter('thingmesh_sessions')).toBe(1))
      }
      const peer = await reenter(all.site, all.thing, level)
      for (const i of [0, 2]) await peer.takeAnswer('pubrel', sent[i]!.packetId)
      const again = await peer.take('publish')
      expect([textOf(again), again.packetId, again.dup]).toEqual(['3', sent[3]!.packetId, true])
      for (const i of [0, 2]) peer.say('pubcomp', sent[i]!.packetId)
      await all.say('4')
      expect((await peer.arrived()).map(textOf)).toEqual(['4'])
      expect(peer.packets.filter(({ type }) => type === 'pubrel')).toEqual([])
    })

    it('after that, which is not noted yet: comes again, for a hub that is killed now would send it', async () => {
      const store = heldRecords(memoryStore())
      const all = await scene(level, { store })
      await all.say('x')
      const { packetId } = await all.reader.take('publish')
      store.hold('receive')
      all.reader.say('pubrec', packetId)
      await vi.waitFor(() => expect(store.held).toBe(1))
      const { peer } = await comeBack(how, all, lasting(level))
      const again = await peer.take('publish')
      expect([again.packetId, again.dup]).toEqual([packetId, true])
      peer.say('pubrec', packetId)
      await peer.arrived()
      expect(peer.packets).toEqual([])
      store.letGo()
      expect(await peer.takeAnswer('pubrel', packetId)).toBe(0)
      peer.say('pubcomp', packetId)
      await all.say('y')
      expect((await peer.arrived()).map(textOf)).toEqual(['y'])
    })

    it('after its end: does not come again', async () => {
      const all = await scene(level)
      await all.say('x')
      const { packetId } = await all.reader.take('publish')
      all.reader.say('pubrec', packetId)
      await all.reader.takeAnswer('pubrel', packetId)
      all.reader.say('pubcomp', packetId)
      await all.reader.arrived()
      const { peer } = await comeBack(how, all, lasting(level))
      expect(await peer.arrived()).toEqual([])
      expect(peer.packets).toEqual([])
    })

    it('with a clean session: is gone, at every step', async () => {
      const clean = { level, clientId: 'clean' }
      const all = await scene(level, {}, clean)
      for (const text of ['0', '1']) await all.say(text)
      const sent = await all.reader.takeAll(2)
      all.reader.say('pubrec', sent[0]!.packetId)
      await all.reader.takeAnswer('pubrel', sent[0]!.packetId)
      const { peer, sessionPresent } = await comeBack(how, all, clean)
      expect(sessionPresent).toBe(false)
      expect(await peer.arrived()).toEqual([])
      expect(peer.packets).toEqual([])
      await peer.subscribe('telemetry/#', { qos: 2 })
      await all.say('2')
      expect(textOf(await peer.take('publish'))).toBe('2')
    })
  })

  it.runIf(level === 5)(
    'is released, and not sent again, if it is noted while it waits for its turn on the next connection',
    async () => {
      const store = heldRecords(memoryStore())
      const all = await scene(5, { store })
      for (const text of ['0', '1']) await all.say(text)
      const [first, second] = await all.reader.takeAll(2)
      store.hold('receive')
      all.reader.say('pubrec', second!.packetId)
      await vi.waitFor(() => expect(store.held).toBe(1))
      const narrow = { ...lasting(5), properties: { sessionExpiryInterval: 600, receiveMaximum: 1 } }
      const { peer } = await comeBack('after a cut', all, narrow)
      expect((await peer.arrived()).map(idOf)).toEqual([first!.packetId])
      store.letGo()
      expect(await peer.takeAnswer('pubrel', second!.packetId)).toBe(0)
      peer.say('pubcomp', second!.packetId)
      peer.say('pubrec', first!.packetId)
      expect(await peer.takeAnswer('pubrel', first!.packetId)).toBe(0)
      peer.say('pubcomp', first!.packetId)
      await all.say('2')
      expect((await peer.arrived()).map(textOf)).toEqual(['0', '2'])
    },
  )

  it('goes on where the hub is another one by then', async () => {
    const store = memoryStore()
    const first = await scene(level, { store })
    for (const text of ['0', '1', '2', '3']) await first.say(text)
    const sent = await first.reader.takeAll(4)
    for (const i of [0, 1, 2]) {
      first.reader.say('pubrec', sent[i]!.packetId)
      await first.reader.takeAnswer('pubrel', sent[i]!.packetId)
    }
    first.reader.say('pubcomp', sent[0]!.packetId)
    await first.reader.arrived()
    first.reader.cut()
    await first.site.hub.stop()
    const site = await startSite({ store })
    const peer = await reenter(site, first.thing, level)
    const released = [(await peer.take('pubrel')).packetId, (await peer.take('pubrel')).packetId]
    expect(released).toEqual([1, 2].map(i => sent[i]!.packetId))
    const again = await peer.take('publish')
    expect([textOf(again), again.packetId]).toEqual(['3', sent[3]!.packetId])
    for (const id of released) peer.say('pubcomp', id)
    peer.say('pubrec', again.packetId)
    expect(await peer.takeAnswer('pubrel', again.packetId)).toBe(0)
    peer.say('pubcomp', again.packetId)
    expect(await peer.arrived()).toEqual([])
    peer.cut()
    await site.hub.stop()
    const last = await startSite({ store })
    const end = await reenter(last, first.thing, level)
    expect(await end.arrived()).toEqual([])
    expect(end.packets).toEqual([])
  })

  it.each([
    ['retention took', 'and the hub is the same', 'retention'],
    ['is no longer allowed', 'and the hub is the same', 'right'],
    ['retention took', 'over a restart', 'retention'],
    ['is no longer allowed', 'over a restart', 'right'],
    ['is no longer allowed', 'over a kill', 'right'],
  ])('that %s while its peer was away, %s, is not sent again, but its exchange is ended', async (_name, how, why) => {
    const store = memoryStore()
    const way = severable(store)
    const before = await scene(level, { store: way })
    const { thing, reader } = before
    await before.say('taken')
    const { packetId } = await reader.take('publish')
    if (how === 'over a kill') way.sever()
    else {
      reader.cut()
      await vi.waitFor(() => expect(before.site.counter('thingmesh_sessions')).toBe(1))
    }
    if (how === 'over a restart') await before.site.hub.stop()
    const site = how === 'and the hub is the same' ? before.site : await startSite({ store })
    const writer = await site.connect(thing)
    const say = async (text: string) => void (await writer.publish('telemetry/a', text, { qos: 2 }))
    const takeAway = {
      retention: () => store.log.prune([{ domain: 'default', channel: 'telemetry', through: Number.MAX_SAFE_INTEGER }]),

      right: async () => {
        const { items } = await site.hub.control.grants.list({ thing: thing.name })
        await site.hub.control.grants.update(items[0]!.id, { actions: ['publish'] })
      },
    }
    await takeAway[why as keyof typeof takeAway]()
    const back = await reenter(site, thing, level)
    expect(await back.takeAnswer('pubrel', packetId)).toBe(0)
    back.say('pubcomp', packetId)
    if (why === 'right') {
      await site.hub.control.grants.create({
        thing: thing.name,
        channel: 'telemetry',
        actions: ['publish', 'subscribe'],
      })
      // Its subscription has ended with the right.
      expect(await back.subscribe('telemetry/#', { qos: 2 })).toEqual([2])
    }
    back.acknowledges = true
    await say('kept')
    expect((await back.take('publish')).payload).toEqual(bytes('kept'))
    expect(await back.arrived()).toEqual([])
    await back.disconnect()
    const last = (await store.log.read(everything)).messages.at(-1)
    await vi.waitFor(async () => expect((await store.sessions.load())[0]!.cursor).toBe(last!.sequence))
  })

  it('that has expired while its peer was away is sent again: the peer may have begun to take it', async () => {
    const { site, thing, writer, reader } = await scene(level)
    const from = Date.now()
    for (const text of ['begun', 'taken']) {
      await writer.publish('telemetry/a', text, { qos: 2, properties: { messageExpiryInterval: 1 } })
    }
    const [begun, taken] = await reader.takeAll(2)
    reader.say('pubrec', taken!.packetId)
    await reader.takeAnswer('pubrel', taken!.packetId)
    reader.cut()
    await vi.waitFor(() => expect(site.counter('thingmesh_sessions')).toBe(1))
    await writer.publish('telemetry/a', 'never sent', { qos: 2, properties: { messageExpiryInterval: 1 } })
    await gone(from)
    const back = await reenter(site, thing, level)
    await back.takeAnswer('pubrel', taken!.packetId)
    const again = await back.take('publish')
    expect([textOf(again), again.packetId, again.dup]).toEqual(['begun', begun!.packetId, true])
    expect(await back.arrived()).toEqual([])
    expect(site.counter('thingmesh_messages_dropped_total', { reason: 'expired' })).toBe(1)
  })

  it('that has expired while its peer was away is sent again by the next hub, too', async () => {
    const store = memoryStore()
    const first = await scene(level, { store })
    const from = Date.now()
    for (const text of ['begun', 'taken']) await say(first.writer, text)
    await say(first.writer, 'at least once', 1)
    const [begun, taken, ofQos1] = await first.reader.takeAll(3)
    first.reader.say('pubrec', taken!.packetId)
    await first.reader.takeAnswer('pubrel', taken!.packetId)
    first.reader.cut()
    await vi.waitFor(() => expect(first.site.counter('thingmesh_sessions')).toBe(1))
    await say(first.writer, 'never sent')
    await first.site.hub.stop()
    await gone(from)
    const site = await startSite({ store })
    const peer = await reenter(site, first.thing, level)
    expect(await peer.takeAnswer('pubrel', taken!.packetId)).toBe(0)
    for (const [text, packetId] of [
      ['begun', begun!.packetId],
      ['at least once', ofQos1!.packetId],
    ]) {
      const again = await peer.take('publish')
      expect([textOf(again), again.packetId, again.dup]).toEqual([text, packetId, true])
    }
    expect(await peer.arrived()).toEqual([])
    expect(site.counter('thingmesh_messages_dropped_total', { reason: 'expired' })).toBe(1)
    peer.say('pubcomp', taken!.packetId)
    peer.say('pubrec', begun!.packetId)
    expect(await peer.takeAnswer('pubrel', begun!.packetId)).toBe(0)
    peer.say('pubcomp', begun!.packetId)
    peer.say('puback', ofQos1!.packetId)
    await expectDone(store)
  })

  it('that may have been sent before a kill, and has expired, is only ended', async () => {
    const store = memoryStore()
    const way = severable(store)
    const first = await scene(level, { store: way })
    const from = Date.now()
    for (const text of ['begun', 'taken']) await say(first.writer, text)
    await say(first.writer, 'at least once', 1)
    const [begun, taken] = await first.reader.takeAll(3)
    first.reader.say('pubrec', taken!.packetId)
    await first.reader.takeAnswer('pubrel', taken!.packetId)
    way.sever()
    await gone(from)
    const site = await startSite({ store })
    const peer = await reenter(site, first.thing, level)
    // Neither does it come as new after so long, if it never came, nor does its id stay taken, if it came.
    for (const { packetId } of [taken!, begun!]) expect(await peer.takeAnswer('pubrel', packetId)).toBe(0)
    expect(await peer.arrived()).toEqual([])
    expect(site.counter('thingmesh_messages_dropped_total', { reason: 'expired' })).toBe(2)
    // Not answered: once more on the next connection.
    peer.say('pubcomp', taken!.packetId)
    await peer.arrived()
    peer.cut()
    await vi.waitFor(() => expect(site.counter('thingmesh_sessions')).toBe(0))
    const back = await reenter(site, first.thing, level)
    expect(await back.takeAnswer('pubrel', begun!.packetId)).toBe(0)
    back.say('pubcomp', begun!.packetId, unknown(level))
    await expectDone(store)
  })

  it('that was acknowledged out of turn is not sent again by the next hub', async () => {
    const store = memoryStore()
    const first = await scene(level, { store })
    for (const text of ['0', '1', '2', '3']) await first.say(text, Number(text) < 2 ? 1 : 2)
    const sent = await first.reader.takeAll(4)
    first.reader.say('puback', sent[1]!.packetId)
    first.reader.say('pubrec', sent[3]!.packetId)
    await first.reader.takeAnswer('pubrel', sent[3]!.packetId)
    first.reader.say('pubcomp', sent[3]!.packetId)
    await first.reader.arrived()
    first.reader.cut()
    await first.site.hub.stop()
    const site = await startSite({ store })
    const peer = await reenter(site, first.thing, level)
    expect((await peer.takeAll(2)).map(textOf)).toEqual(['0', '2'])
    expect(await peer.arrived()).toEqual([])
    expect(peer.packets).toEqual([])
  })

  it('is told apart by MQTT.js, which is cut off again and again', async () => {
    const { site, thing, say } = await scene(level)
    const options = {
      protocolVersion: level as 4 | 5,
      clientId: 'stock',
      clean: false,
      reconnectPeriod: 1,
      ...(level === 5 && { properties: { sessionExpiryInterval: 600 } }),
    }
    const reader = await site.stock(thing, options)
    await reader.subscribeAsync('telemetry/#', { qos: 2 })
    for (let i = 0; i < 60; i++) {
      await say(`${i}`)
      if (i % 7 === 3) reader.stream.destroy()
    }
    const texts = (await stockMessages(reader, 60)).map(({ text }) => text)
    expect(new Set(texts)).toEqual(new Set(Array.from({ length: 60 }, (__, i) => `${i}`)))
    expect(texts).toHaveLength(60)
  })
})

const everything = { domain: 'default', filters: [{ filter: '#', after: 0 }], limit: 10, bytesMax: 1e6 }

describe.each(levels)('a last value with QoS 2 for a peer of MQTT %s', (_, level) => {
  it('goes its four steps, under an id that no message has', async () => {
    const { reader, writer } = await scene(level)
    await writer.publish('telemetry/b', 'x', { qos: 2, retain: true })
    await reader.take('publish')
    await reader.subscribe('telemetry/b', { qos: 2 })
    const value = await reader.take('publish')
    expect([textOf(value), value.qos, value.retain, value.dup]).toEqual(['x', 2, true, false])
    expect(value.packetId).toBeGreaterThan(logIds)
    reader.say('pubrec', value.packetId)
    expect(await reader.takeAnswer('pubrel', value.packetId)).toBe(0)
    reader.say('pubcomp', value.packetId)
    reader.say('pubrec', value.packetId)
    expect(await reader.takeAnswer('pubrel', value.packetId)).toBe(unknown(level))
  })

  it.each(['before', 'after'])(
    'is not sent again after a cut %s the reception, but its exchange is ended',
    async when => {
      const { reader, writer, site, thing } = await scene(level)
      await writer.publish('telemetry/b', 'x', { qos: 2, retain: true })
      await reader.take('publish')
      await reader.subscribe('telemetry/b', { qos: 2 })
      const value = await reader.take('publish')
      if (when === 'after') {
        reader.say('pubrec', value.packetId)
        await reader.takeAnswer('pubrel', value.packetId)
      }
      reader.cut()
      await vi.waitFor(() => expect(site.counter('thingmesh_sessions')).toBe(1))
      const back = await reenter(site, thing, level)
      // What went live is still under way; the last value is not owed.
      const [live] = await back.takeAll(1)
      expect([textOf(live!), live!.packetId <= logIds]).toEqual(['x', true])
      // A peer that keeps the id would take another value under it for this one.
      expect(await back.takeAnswer('pubrel', value.packetId)).toBe(0)
      back.say('pubcomp', value.packetId, unknown(level))
      expect(await back.arrived()).toEqual([])
      await back.subscribe('telemetry/b', { qos: 2 })
      const again = await back.take('publish')
      expect([textOf(again), again.retain]).toEqual(['x', true])
      expect(again.packetId).not.toBe(value.packetId)
    },
  )

  it('that is withdrawn by UNSUBSCRIBE leaves alone the same message on its way for another filter', async () => {
    const { reader, writer, site, thing } = await scene(level, { limits: { windowMax: 1 } })
    await writer.publish('telemetry/b', 'x', { qos: 2, retain: true })
    const live = await reader.take('publish')
    // The window is full: the last value waits.
    await reader.subscribe('telemetry/b', { qos: 2 })
    await vi.waitFor(() => expect(site.counter('thingmesh_queues_bytes')).toBeGreaterThan(0))
    await reader.unsubscribe('telemetry/b')
    await writer.publish('telemetry/c', 'next', { qos: 0 })
    reader.cut()
    await vi.waitFor(() => expect(site.counter('thingmesh_sessions')).toBe(1))
    const back = await reenter(site, thing, level)
    const again = await back.take('publish')
    expect([textOf(again), again.packetId, again.dup]).toEqual(['x', live.packetId, true])
    expect(site.counter('thingmesh_messages_dropped_total')).toBe(0)
  })
})
