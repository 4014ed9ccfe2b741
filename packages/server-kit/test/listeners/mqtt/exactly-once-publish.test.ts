import type { ProtocolLevel } from '@thingmesh/core/mqtt'
import { describe, expect, it, vi } from 'vitest'
import { memoryStore } from '../../../src/store/memory/index.ts'
import { gatedStore } from '../../support/gated-store.ts'
import { heldRecords } from '../../support/held-records.ts'
import { lasting, levels, type Site, startSite } from './fixture.ts'
import type { TestPeer } from './peer.ts'

const unknown = (level: ProtocolLevel) => (level === 5 ? 0x92 : 0)

async function withWatcher(site: Site) {
  const watcher = await site.connect(await site.thing('watcher'))
  await watcher.subscribe('telemetry/#', { qos: 2 })
  return watcher
}

const send = (peer: TestPeer, packetId: number, text: string, dup = false) =>
  peer.sendPublish('telemetry/a', text, { qos: 2, packetId, dup })

/** How a client that was in the middle of something comes back. */
const returns = ['by taking over', 'after a cut'] as const

async function comeBack(
  how: (typeof returns)[number],
  site: Site,
  old: TestPeer,
  enter: () => ReturnType<Site['enter']>,
) {
  if (how === 'after a cut') {
    const connected = site.counter('thingmesh_sessions')
    old.cut()
    await vi.waitFor(() => expect(site.counter('thingmesh_sessions')).toBe(connected - 1))
  }
  return enter()
}

describe.each(levels)('a publish with QoS 2 of MQTT %s', (_, level) => {
  it('is stored once, however often it comes before its release, and its id is free after that', async () => {
    const site = await startSite()
    const watcher = await withWatcher(site)
    const peer = await site.connect(await site.thing('sensor'), { level })
    send(peer, 7, 'one')
    expect(await peer.takeAnswer('pubrec', 7)).toBe(0)
    for (let i = 0; i < 3; i++) {
      send(peer, 7, 'one', true)
      expect(await peer.takeAnswer('pubrec', 7)).toBe(0)
    }
    // Also twice in one piece, and while other publishes are under way.
    peer.socket.cork()
    for (const [id, text] of [
      [8, 'two'],
      [7, 'one'],
      [8, 'two'],
      [9, 'three'],
      [9, 'three'],
    ] as const)
      send(peer, id, text)
    peer.socket.uncork()
    const answered = [await peer.take('pubrec'), await peer.take('pubrec'), await peer.take('pubrec')]
    answered.push(await peer.take('pubrec'), await peer.take('pubrec'))
    expect(answered.map(({ packetId }) => packetId).sort()).toEqual([7, 8, 8, 9, 9])
    for (const id of [7, 8, 9]) expect(await peer.release(id)).toBe(0)
    send(peer, 7, 'four')
    expect(await peer.takeAnswer('pubrec', 7)).toBe(0)
    expect(await watcher.texts(4)).toEqual(['one', 'two', 'three', 'four'])
    expect(await watcher.arrived()).toEqual([])
    expect(site.counter('thingmesh_messages_in_total', { delivery: 'exactly-once' })).toBe(4)
  })

  it('has no effect on others that are under the same id: QoS 1, or of another session', async () => {
    const site = await startSite()
    const watcher = await withWatcher(site)
    const thing = await site.thing('sensor')
    const one = await site.connect(thing, { level })
    const other = await site.connect(thing, { level })
    for (const peer of [one, other]) {
      send(peer, 7, 'x')
      expect(await peer.takeAnswer('pubrec', 7)).toBe(0)
    }
    expect(await other.release(7)).toBe(0)
    expect(await one.release(7)).toBe(0)
    expect(await watcher.texts(2)).toEqual(['x', 'x'])
  })

  it('that is not known is released all the same, and the id is said to be unknown', async () => {
    const site = await startSite()
    const peer = await site.connect(await site.thing('sensor'), { level })
    expect(await peer.release(3)).toBe(unknown(level))
    send(peer, 3, 'x')
    expect(await peer.takeAnswer('pubrec', 3)).toBe(0)
    expect(await peer.release(3)).toBe(0)
    expect(await peer.release(3)).toBe(unknown(level))
    expect(await peer.publish('telemetry/a', 'still')).toBe(0)
  })

  it('that the store refused is not transferred: the same id may try again', async () => {
    const store = gatedStore()
    const site = await startSite({ store })
    const watcher = await withWatcher(site)
    const thing = await site.thing('sensor')
    let peer = await site.connect(thing, lasting(level))
    store.failNext()
    send(peer, 7, 'x')
    if (level === 5) expect(await peer.takeAnswer('pubrec', 7)).toBe(0x97)
    else {
      expect(await peer.closed()).toEqual([])
      peer = await site.connect(thing, lasting(level))
    }
    expect((await store.sessions.load()).map(({ transfers }) => transfers)).toEqual([[]])
    send(peer, 7, 'x', level !== 5)
    expect(await peer.takeAnswer('pubrec', 7)).toBe(0)
    expect((await store.sessions.load()).map(({ transfers }) => transfers)).toEqual([[7]])
    expect(await peer.release(7)).toBe(0)
    expect((await store.sessions.load()).map(({ transfers }) => transfers)).toEqual([[]])
    expect(await watcher.texts(1)).toEqual(['x'])
    expect(await watcher.arrived()).toEqual([])
  })

  it('is not over where the store cannot note its end', async () => {
    const store = heldRecords(memoryStore())
    const site = await startSite({ store })
    const thing = await site.thing('sensor')
    const peer = await site.connect(thing, lasting(level))
    send(peer, 7, 'x')
    await peer.takeAnswer('pubrec', 7)
    store.failNext('release')
    peer.say('pubrel', 7)
    expect((await peer.closed()).map(({ type }) => type)).toEqual(level === 5 ? ['disconnect'] : [])
    const { peer: back } = await site.enter(thing, lasting(level))
    expect(await back.release(7)).toBe(0)
    expect((await store.sessions.load())[0]!.transfers).toEqual([])
  })

  it('may be opened and not finished a hundred times, and no more', async () => {
    const site = await startSite()
    await site.startBystander()
    const thing = await site.thing('sensor')
    const refused = () => site.counter('thingmesh_refused_total', { limit: 'transfers' })
    const peer = await site.connect(thing, lasting(level))
    for (let id = 1; id <= 100; id++) {
      send(peer, id, `${id}`)
      await peer.takeAnswer('pubrec', id)
    }
    // Those under way may still come again.
    send(peer, 100, '100', true)
    expect(await peer.takeAnswer('pubrec', 100)).toBe(0)
    expect(refused()).toBe(0)
    send(peer, 101, '101')
    let again = peer
    if (level === 5) expect(await peer.takeAnswer('pubrec', 101)).toBe(0x97)
    else {
      expect(await peer.closed()).toEqual([])
      again = await site.connect(thing, lasting(level))
    }
    expect(refused()).toBe(1)
    // QoS 1 is not held up, nor is the end of what has begun; that makes room.
    expect(await again.publish('telemetry/a', 'x', { packetId: 200 })).toBe(0)
    expect(await again.release(50)).toBe(0)
    send(again, 101, '101')
    expect(await again.takeAnswer('pubrec', 101)).toBe(0)
    expect(site.counter('thingmesh_messages_in_total', { delivery: 'exactly-once' })).toBe(101)
    await site.expectUndisturbed()
  })

  describe.each(returns)('is stored once where the client comes back %s', how => {
    it('before it was told of the reception', async () => {
      const store = gatedStore()
      const site = await startSite({ store })
      const watcher = await withWatcher(site)
      const thing = await site.thing('sensor')
      const { peer } = await site.enter(thing, lasting(level))
      store.hold()
      send(peer, 7, 'x')
      await vi.waitFor(() => expect(store.held).toBe(1))
      const { peer: back, sessionPresent } = await comeBack(how, site, peer, () => site.enter(thing, lasting(level)))
      expect(sessionPresent).toBe(true)
      send(back, 7, 'x', true)
      // The answer is as durable as the message.
      expect((await back.arrived()).length + back.packets.length).toBe(0)
      store.release()
      expect(await back.takeAnswer('pubrec', 7)).toBe(0)
      expect(await back.release(7)).toBe(0)
      send(back, 7, 'y')
      expect(await back.takeAnswer('pubrec', 7)).toBe(0)
      expect(await watcher.texts(2)).toEqual(['x', 'y'])
      expect(await watcher.arrived()).toEqual([])
    })

    it('after the reception, one exchange at a time or all at once', async () => {
      const site = await startSite()
      const watcher = await withWatcher(site)
      const thing = await site.thing('sensor')
      const { peer } = await site.enter(thing, lasting(level))
      // As one commit batch.
      peer.socket.cork()
      for (const id of [7, 8, 9]) send(peer, id, `${id}`)
      peer.socket.uncork()
      for (const id of [7, 8, 9]) expect(await peer.takeAnswer('pubrec', id)).toBe(0)
      const { peer: back } = await comeBack(how, site, peer, () => site.enter(thing, lasting(level)))
      // A client that did not hear of the reception publishes again; one that did releases.
      for (const id of [7, 8]) {
        send(back, id, `${id}`, true)
        expect(await back.takeAnswer('pubrec', id)).toBe(0)
      }
      for (const id of [9, 8, 7]) expect(await back.release(id)).toBe(0)
      expect(await watcher.texts(3)).toEqual(['7', '8', '9'])
      expect(await watcher.arrived()).toEqual([])
    })

    it('after its release, which is not noted yet', async () => {
      const store = heldRecords(memoryStore())
      const site = await startSite({ store })
      const watcher = await withWatcher(site)
      const thing = await site.thing('sensor')
      const { peer } = await site.enter(thing, lasting(level))
      send(peer, 7, 'x')
      await peer.takeAnswer('pubrec', 7)
      store.hold('release')
      peer.say('pubrel', 7)
      await vi.waitFor(() => expect(store.held).toBe(1))
      const { peer: back } = await comeBack(how, site, peer, () => site.enter(thing, lasting(level)))
      back.say('pubrel', 7)
      await back.arrived()
      expect(back.packets).toEqual([])
      store.letGo()
      expect(await back.takeAnswer('pubcomp', 7)).toBe(0)
      send(back, 7, 'y')
      expect(await back.takeAnswer('pubrec', 7)).toBe(0)
      expect(await watcher.texts(2)).toEqual(['x', 'y'])
    })

    it('after its end, and anew where the session was clean', async () => {
      const site = await startSite()
      const watcher = await withWatcher(site)
      const thing = await site.thing('sensor')
      const clean = { level, clientId: 'clean' }
      const { peer } = await site.enter(thing, clean)
      send(peer, 7, 'x')
      await peer.takeAnswer('pubrec', 7)
      const { peer: back, sessionPresent } = await comeBack(how, site, peer, () => site.enter(thing, clean))
      expect(sessionPresent).toBe(false)
      expect(await back.release(7)).toBe(unknown(level))
      send(back, 7, 'y')
      expect(await back.takeAnswer('pubrec', 7)).toBe(0)
      expect(await back.release(7)).toBe(0)
      expect(await watcher.texts(2)).toEqual(['x', 'y'])
    })
  })

  it('is stored once where the hub is another one by the time it comes again', async () => {
    const store = memoryStore()
    const first = await startSite({ store })
    const thing = await first.thing('sensor')
    const peer = await first.connect(thing, lasting(level))
    for (const id of [7, 8, 9]) {
      send(peer, id, `${id}`)
      await peer.takeAnswer('pubrec', id)
    }
    expect(await peer.release(8)).toBe(0)
    peer.cut()
    await first.hub.stop()
    const site = await startSite({ store })
    const watcher = await withWatcher(site)
    const { peer: back, sessionPresent } = await site.enter(thing, lasting(level))
    expect(sessionPresent).toBe(true)
    for (const id of [7, 9]) {
      send(back, id, `${id}`, true)
      expect(await back.takeAnswer('pubrec', id)).toBe(0)
    }
    for (const id of [7, 9]) expect(await back.release(id)).toBe(0)
    expect(await watcher.arrived()).toEqual([])
    for (const id of [7, 8]) send(back, id, `new ${id}`)
    expect(await watcher.texts(2)).toEqual(['new 7', 'new 8'])
  })

  it('that was under way when a clean start ended its session is not taken for one of the next', async () => {
    const store = gatedStore()
    const site = await startSite({ store })
    const thing = await site.thing('sensor')
    const peer = await site.connect(thing, lasting(level))
    store.hold()
    // The first batch is being written, and the second one waits behind it.
    await peer.publish('telemetry/a', 'x', { qos: 0 })
    await vi.waitFor(() => expect(store.held).toBe(1))
    send(peer, 7, 'old')
    await peer.arrived()
    const ended = site.connect(thing, { ...lasting(level), cleanStart: true })
    await peer.closed()
    await ended
    const next = level === 5 ? await ended : await site.connect(thing, lasting(level))
    store.release()
    expect(await next.publish('telemetry/a', 'behind it')).toBe(0)
    expect((await store.sessions.load()).map(({ transfers }) => transfers)).toEqual([[]])
    next.cut()
    await site.hub.stop()
    const again = await startSite({ store })
    const watcher = await withWatcher(again)
    const { peer: back } = await again.enter(thing, lasting(level))
    send(back, 7, 'new')
    expect(await watcher.texts(1)).toEqual(['new'])
  })
})
