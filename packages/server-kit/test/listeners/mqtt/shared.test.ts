import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import type { QoS } from '@thingmesh/core/mqtt'
import { describe, expect, it, onTestFinished, vi } from 'vitest'
import type { Store } from '../../../src/contracts/index.ts'
import { mainfluxTopics } from '../../../src/dialects/index.ts'
import { memoryStore } from '../../../src/store/memory/index.ts'
import { sqliteStore } from '../../../src/store/sqlite/index.ts'
import { severable } from '../../support/severed-store.ts'
import { lasting, levels, type Site, startSite, type Thing } from './fixture.ts'
import { type TestPeer, textOf } from './peer.ts'

const numbers = (from: number, to: number) => Array.from({ length: to - from }, (_, i) => String(from + i))
const share = '$share/workers/telemetry/#'

async function scene(options: Parameters<typeof startSite>[0] = {}) {
  const site = await startSite(options)
  const thing = await site.thing('sensor')
  const writer = await site.connect(thing)
  return { site, thing, writer }
}

async function publishAll(writer: TestPeer, texts: readonly string[], qos: QoS = 1, topic = 'telemetry/a') {
  for (const text of texts) expect(await writer.publish(topic, text, { qos })).toBe(0)
}

async function member(site: Site, thing: Thing, filter = share, options = {}, qos: QoS = 1): Promise<TestPeer> {
  const peer = await site.connect(thing, options)
  expect(await peer.subscribe(filter, { qos })).toEqual([qos])
  return peer
}

/** Two that have no right in common. */
async function apart(site: Site) {
  const narrow = await site.thing('narrow', [{ channel: 'telemetry', actions: ['subscribe'], pattern: 'mine' }])
  const other = await site.thing('other', [{ channel: 'telemetry', actions: ['subscribe'], pattern: 'a' }])
  return { narrow, other }
}

/** Settles when the hub knows of no more connections than these. */
async function connections(site: Site, count: number): Promise<void> {
  await soon(() => expect(site.counter('thingmesh_sessions')).toBe(count))
}

async function seen(...peers: readonly TestPeer[]): Promise<readonly string[][]> {
  return Promise.all(peers.map(async peer => (await peer.arrived()).map(textOf)))
}

/** Waits for what is so sooner or later, on a machine that has other things to do. */
const soon = (check: () => void | Promise<void>) => vi.waitFor(check, { timeout: 15_000, interval: 10 })

const byNumber = (a: string, b: string) => Number(a) - Number(b)

describe.each(levels)('a shared subscription with MQTT %s', (_, level) => {
  it.each([0, 1, 2] as const)('gives each message of QoS %i to one of its members, in turn', async qos => {
    const { site, thing, writer } = await scene()
    const members = await Promise.all([0, 1, 2].map(() => member(site, thing, share, { level }, qos)))
    await publishAll(writer, numbers(0, 30), qos)
    await writer.arrived()
    const total = async () => (await seen(...members)).flat()
    await soon(async () => expect(await total()).toHaveLength(30))
    const parts = await seen(...members)
    expect(parts.flat().sort(byNumber)).toEqual(numbers(0, 30))
    for (const part of parts) expect(part).toHaveLength(10)
  })

  it('gives a session its own copy too, and one for each group that it is in', async () => {
    const { site, thing, writer } = await scene()
    const peer = await member(site, thing, share, { level }, 2)
    expect(await peer.subscribe(['telemetry/+', '$share/others/telemetry/a', '$share/workers/telemetry/a'])).toEqual([
      1, 1, 1,
    ])
    await publishAll(writer, ['x'], 2)
    const copies = await peer.takeAll(4)
    expect(copies.map(textOf)).toEqual(['x', 'x', 'x', 'x'])
    expect(new Set(copies.map(({ packetId }) => packetId)).size).toBe(4)
    expect(copies.map(({ qos }) => qos).sort()).toEqual([1, 1, 1, 2])
    expect(await peer.arrived()).toEqual([])
  })

  it('is refused where its name or its filter is wrong, or the right to it is missing', async () => {
    const { site, writer } = await scene()
    const narrow = await site.thing('narrow', [{ channel: 'telemetry', actions: ['subscribe'], pattern: 'mine/#' }])
    const peer = await site.connect(narrow, { level })
    const wrong = [
      '$share/g',
      '$share//telemetry/a',
      '$share/g+/telemetry/a',
      '$share/g/telemetry/a#',
      '$share/g/$SYS/#',
    ]
    expect(await peer.subscribe(wrong)).toEqual(wrong.map(() => (level === 5 ? 0x8f : 0x80)))
    const forbidden = ['$share/g/telemetry/yours', '$share/g/other/#']
    expect(await peer.subscribe(forbidden)).toEqual(forbidden.map(() => (level === 5 ? 0x87 : 0x80)))
    // A wildcard gives what the principal may have, and no more.
    expect(await peer.subscribe('$share/g/#')).toEqual([1])
    await publishAll(writer, ['yours'], 1, 'telemetry/yours')
    await publishAll(writer, ['mine'], 1, 'telemetry/mine/a')
    expect(await peer.texts(1)).toEqual(['mine'])
    expect(await peer.arrived()).toEqual([])
  })

  it('comes without last values', async () => {
    const { site, thing, writer } = await scene()
    await writer.publish('telemetry/a', 'last', { retain: true })
    const peer = await member(site, thing, share, { level })
    await publishAll(writer, ['first'])
    expect(await peer.texts(1)).toEqual(['first'])
    expect(await peer.arrived()).toEqual([])
  })

  it('ends for a member that unsubscribes, and the others have the rest', async () => {
    const { site, thing, writer } = await scene()
    const [one, two] = [await member(site, thing, share, { level }), await member(site, thing, share, { level })]
    expect(await one.unsubscribe([share, '$share/other/telemetry/#'])).toEqual(
      level === 5 ? [0, 0x11] : expect.anything(),
    )
    await publishAll(writer, numbers(0, 10))
    expect(await two.texts(10)).toEqual(numbers(0, 10))
    expect(await one.arrived()).toEqual([])
    await two.unsubscribe(share)
    expect(site.counter('thingmesh_shared_subscriptions')).toBe(0)
  })

  it('does not wait for a member that takes nothing', async () => {
    const { site, thing, writer } = await scene({ limits: { windowMax: 4 } })
    const stuck = await site.connect(thing, { level })
    stuck.acknowledges = false
    await stuck.subscribe(share)
    const other = await member(site, thing, share, { level })
    await publishAll(writer, numbers(0, 200))
    await soon(async () => expect((await seen(stuck, other)).flat()).toHaveLength(200))
    expect((await seen(stuck))[0]).toHaveLength(4)
  })

  it('gives what a member that goes had not acknowledged to another one', async () => {
    const { site, thing, writer } = await scene()
    const leaver = await site.connect(thing, { level })
    leaver.acknowledges = false
    await leaver.subscribe(share)
    await publishAll(writer, numbers(0, 20))
    const taken = await leaver.takeAll(20)
    leaver.acknowledge(taken[3]!)
    await leaver.arrived()
    const other = await member(site, thing, share, { level })
    leaver.cut()
    expect(await other.texts(19)).toEqual(numbers(0, 20).filter(text => text !== '3'))
    await publishAll(writer, ['live'])
    expect(await other.texts(1)).toEqual(['live'])
  })

  it('never gives to another what a member may have with QoS 2', async () => {
    const { site, thing, writer } = await scene()
    const holder = await site.connect(thing, lasting(level, 'holder'))
    holder.acknowledges = false
    await holder.subscribe(share, { qos: 2 })
    await publishAll(writer, ['a', 'b', 'c'], 2)
    const [a, b, c] = await holder.takeAll(3)
    holder.say('pubrec', b!.packetId)
    await holder.takeAnswer('pubrel', b!.packetId)
    holder.say('pubrec', c!.packetId)
    await holder.takeAnswer('pubrel', c!.packetId)
    holder.say('pubcomp', c!.packetId)
    await holder.arrived()
    const other = await member(site, thing, share, { level }, 2)
    holder.cut()
    await connections(site, 2)
    await publishAll(writer, ['d'], 2)
    expect(await other.texts(1)).toEqual(['d'])
    // It finishes what it had begun, under the ids that it had.
    const back = await site.open(level)
    back.acknowledges = false
    expect((await back.connect(site.credentials(thing, lasting(level, 'holder')))).sessionPresent).toBe(true)
    expect(await back.takeAnswer('pubrel', b!.packetId)).toBe(0)
    const again = await back.take('publish')
    expect(again).toMatchObject({ packetId: a!.packetId, dup: true, qos: 2 })
    expect(textOf(again)).toBe('a')
    back.say('pubcomp', b!.packetId)
    back.say('pubrec', a!.packetId)
    await back.takeAnswer('pubrel', a!.packetId)
    back.say('pubcomp', a!.packetId)
    expect(await back.arrived()).toEqual([])
    expect(await other.arrived()).toEqual([])
  })

  it('drops and counts what a member had begun with QoS 2 when its session ends', async () => {
    const { site, thing, writer } = await scene()
    const holder = await site.connect(thing, { level })
    holder.acknowledges = false
    await holder.subscribe(share, { qos: 2 })
    const other = await member(site, thing, '$share/workers/telemetry/#', { level }, 2)
    await publishAll(writer, numbers(0, 4), 2)
    await soon(async () => expect((await seen(holder, other)).flat()).toHaveLength(4))
    const before = (await seen(other))[0]!
    holder.cut()
    await connections(site, 2)
    await publishAll(writer, ['next'], 2)
    await soon(async () => expect((await seen(other))[0]).toEqual([...before, 'next']))
    expect(site.counter('thingmesh_messages_dropped_total', { reason: 'member-gone' })).toBe(4 - before.length)
  })

  it('weighs rights member by member, when it delivers', async () => {
    const { site, thing, writer } = await scene()
    const a = await site.thing('a', [{ channel: 'telemetry', actions: ['subscribe'], pattern: 'a' }])
    const b = await site.thing('b', [{ channel: 'telemetry', actions: ['subscribe'], pattern: 'b' }])
    const [ofA, ofB] = [await member(site, a, share, { level }), await member(site, b, share, { level })]
    for (const topic of ['a', 'b', 'c', 'b', 'a']) await publishAll(writer, [topic], 1, `telemetry/${topic}`)
    expect(await ofA.texts(2)).toEqual(['a', 'a'])
    expect(await ofB.texts(2)).toEqual(['b', 'b'])
    expect(site.counter('thingmesh_messages_dropped_total', { reason: 'no-right-any-more' })).toBe(1)
    const { items } = await site.hub.control.grants.list({ thing: 'a' })
    await site.hub.control.grants.update(items[0]!.id, { pattern: 'elsewhere' })
    const all = await member(site, thing, share, { level })
    await publishAll(writer, ['a', 'a'], 1, 'telemetry/a')
    expect(await all.texts(2)).toEqual(['a', 'a'])
    expect(await ofA.arrived()).toEqual([])
  })

  it('is not held up by what only a member without room may have', async () => {
    const { site, writer } = await scene({ limits: { windowMax: 2 } })
    const { narrow, other } = await apart(site)
    const stuck = await site.connect(narrow, { level })
    stuck.acknowledges = false
    await stuck.subscribe(share)
    const peer = await member(site, other, share, { level })
    for (const number of numbers(0, 20)) {
      await publishAll(writer, [`mine ${number}`], 1, 'telemetry/mine')
      await publishAll(writer, [number])
    }
    expect(await peer.texts(20)).toEqual(numbers(0, 20))
    // It has what it may have as soon as it takes it.
    const mine = await stuck.takeAll(2)
    stuck.acknowledges = true
    for (const publish of mine) stuck.acknowledge(publish)
    expect([...mine.map(textOf), ...(await stuck.texts(18))]).toEqual(numbers(0, 20).map(number => `mine ${number}`))
    // However many they are: past some hundreds they are read from the log.
    stuck.acknowledges = false
    await publishAll(writer, numbers(0, 1_500), 1, 'telemetry/mine')
    await publishAll(writer, ['last'])
    expect(await peer.texts(1)).toEqual(['last'])
    stuck.acknowledges = true
    for (const publish of await stuck.takeAll(2)) stuck.acknowledge(publish)
    expect(await stuck.texts(1_498)).toEqual(numbers(2, 1_500))
    expect(await stuck.arrived()).toEqual([])
    expect(await peer.arrived()).toEqual([])
    expect(site.counter('thingmesh_messages_dropped_total')).toBe(0)
  })

  it('waits for a member without room once it has passed over as much as it may, and drops nothing', async () => {
    const { site, writer } = await scene({ limits: { windowMax: 2, sharedPassedOverMax: 4 } })
    const { narrow, other } = await apart(site)
    const stuck = await site.connect(narrow, { level })
    stuck.acknowledges = false
    await stuck.subscribe(share)
    const peer = await member(site, other, share, { level })
    const held = () => site.counter('thingmesh_shared_subscriptions_held_total')
    await publishAll(writer, numbers(0, 2 + 4), 1, 'telemetry/mine')
    await publishAll(writer, ['not held up'])
    expect(await peer.texts(1)).toEqual(['not held up'])
    expect(held()).toBe(0)
    await publishAll(writer, ['6'], 1, 'telemetry/mine')
    await publishAll(writer, ['held up'])
    expect(await peer.arrived()).toEqual([])
    expect(held()).toBe(1)
    stuck.acknowledges = true
    for (const publish of await stuck.takeAll(2)) stuck.acknowledge(publish)
    expect(await stuck.texts(5)).toEqual(numbers(2, 7))
    expect(await peer.texts(1)).toEqual(['held up'])
    expect(site.counter('thingmesh_messages_dropped_total')).toBe(0)
  })

  it('waits no longer for what has expired', async () => {
    const { site, writer } = await scene({ limits: { windowMax: 2, sharedPassedOverMax: 4 } })
    const { narrow, other } = await apart(site)
    const stuck = await site.connect(narrow, { level })
    stuck.acknowledges = false
    await stuck.subscribe(share)
    const peer = await member(site, other, share, { level })
    await publishAll(writer, numbers(0, 2), 1, 'telemetry/mine')
    for (const text of numbers(2, 7)) {
      const properties = { messageExpiryInterval: 1 }
      expect(await writer.publish('telemetry/mine', text, { qos: 1, properties })).toBe(0)
    }
    await publishAll(writer, ['held up'])
    expect(await peer.texts(1)).toEqual(['held up'])
    expect(site.counter('thingmesh_messages_dropped_total', { reason: 'expired' })).toBe(5)
    expect(site.counter('thingmesh_messages_dropped_total')).toBe(5)
  })

  it('keeps what only members may have that are away, and drops the oldest of it at the bound', async () => {
    const { site, writer } = await scene({ limits: { sharedPassedOverMax: 4 } })
    const { narrow, other } = await apart(site)
    const absent = await member(site, narrow, share, lasting(level))
    const peer = await member(site, other, share, { level })
    absent.cut()
    await connections(site, 2)
    await publishAll(writer, numbers(0, 4), 1, 'telemetry/mine')
    await publishAll(writer, ['a'])
    expect(await peer.texts(1)).toEqual(['a'])
    expect(site.counter('thingmesh_messages_dropped_total')).toBe(0)
    await publishAll(writer, numbers(4, 6), 1, 'telemetry/mine')
    expect(site.counter('thingmesh_messages_dropped_total', { reason: 'no-right-any-more' })).toBe(2)
    const back = await site.connect(narrow, lasting(level))
    expect(await back.texts(4)).toEqual(numbers(2, 6))
    // What nobody will ever have is over when nobody is away.
    await back.disconnect()
    await connections(site, 2)
    await publishAll(writer, ['x'], 1, 'telemetry/nobody')
    await site.connect(narrow, lasting(level))
    await soon(() => {
      expect(site.counter('thingmesh_messages_dropped_total', { reason: 'no-right-any-more' })).toBe(3)
    })
    expect(site.counter('thingmesh_messages_dropped_total')).toBe(3)
  })

  it('gives what it has passed over to whoever is given the right to it', async () => {
    const { site, writer } = await scene({ limits: { windowMax: 2 } })
    const { narrow, other } = await apart(site)
    const stuck = await site.connect(narrow, { level })
    stuck.acknowledges = false
    await stuck.subscribe(share)
    const peer = await member(site, other, share, { level })
    await publishAll(writer, numbers(0, 300), 1, 'telemetry/mine')
    expect(await peer.arrived()).toEqual([])
    await site.hub.control.grants.create({ thing: 'other', channel: 'telemetry', actions: ['subscribe'] })
    await soon(async () => {
      await publishAll(writer, ['a'])
      expect(await seen(peer).then(([texts]) => texts!.filter(text => text !== 'a'))).toHaveLength(298)
    })
    expect((await stuck.takeAll(2)).map(textOf)).toEqual(numbers(0, 2))
  })

  it('has no more members than the limit', async () => {
    const { site, thing } = await scene({ limits: { sharedMembersMax: 2, subscriptionsPerSessionMax: 2 } })
    const one = await member(site, thing, share, { level })
    await member(site, thing, share, { level })
    const third = await site.connect(thing, { level })
    const tooMany = level === 5 ? 0x97 : 0x80
    expect(await third.subscribe(share)).toEqual([tooMany])
    expect(site.counter('thingmesh_refused_total', { limit: 'shared-members' })).toBe(1)
    // Who is a member may say so again, with other options.
    expect(await one.subscribe(share, { qos: 2 })).toEqual([2])
    expect(await one.subscribe(['telemetry/a', 'telemetry/b'])).toEqual([1, tooMany])
    await one.unsubscribe(share)
    expect(await third.subscribe(share)).toEqual([1])
  })
})

describe('a shared subscription with MQTT 5', () => {
  it('is on offer, and refuses No Local', async () => {
    const { site, thing } = await scene()
    const { peer, properties } = await site.enter(thing)
    expect(properties?.sharedSubscriptionAvailable).toBe(true)
    peer.sendSubscribe(share)
    peer.raw([0x82, 23, 0, 9, 0, 0, 17], new TextEncoder().encode('$share/g/telemetry'.slice(0, 17)), [0x05])
    expect(await peer.closeReason()).toBe(0x82)
  })

  it('does not offer to another what a member refuses', async () => {
    const { site, thing, writer } = await scene()
    const refuser = await site.connect(thing, lasting(5))
    refuser.acknowledges = false
    await refuser.subscribe(share, { qos: 2 })
    await publishAll(writer, ['a'], 1)
    await publishAll(writer, ['b'], 2)
    const [a, b] = await refuser.takeAll(2)
    const quotaExceeded = 0x97
    refuser.raw([0x40, 3, a!.packetId >> 8, a!.packetId & 0xff, quotaExceeded])
    refuser.raw([0x50, 3, b!.packetId >> 8, b!.packetId & 0xff, quotaExceeded])
    await refuser.arrived()
    const other = await site.connect(thing)
    await other.subscribe(share, { qos: 2 })
    await refuser.unsubscribe(share)
    await publishAll(writer, ['c'], 1)
    expect(await other.texts(1)).toEqual(['c'])
  })

  it('goes to each member under that member’s own terms', async () => {
    const { site, thing, writer } = await scene()
    const peers = [await site.connect(thing), await site.connect(thing)]
    await peers[0]!.subscribe(share, { qos: 0, subscriptionId: 7, retainAsPublished: true })
    await peers[1]!.subscribe(share, { qos: 2, subscriptionId: 9 })
    for (let i = 0; i < 2; i++) await writer.publish('telemetry/a', 'x', { qos: 1, retain: true })
    const [first, second] = await Promise.all(peers.map(peer => peer.take('publish')))
    expect(first).toMatchObject({ qos: 0, retain: true, properties: { subscriptionIdentifiers: [7] } })
    expect(second).toMatchObject({ qos: 1, retain: false, properties: { subscriptionIdentifiers: [9] } })
  })

  it('counts at-most-once messages that no member is there for', async () => {
    const { site, thing, writer } = await scene()
    const peer = await member(site, thing, share, lasting(5), 1)
    await peer.disconnect()
    await publishAll(writer, ['lost'], 0)
    await writer.arrived()
    expect(site.counter('thingmesh_messages_dropped_total', { reason: 'no-member' })).toBe(1)
    expect((await site.enter(thing, lasting(5))).sessionPresent).toBe(true)
  })

  it('has to do with its own domain only', async () => {
    const { site, thing, writer } = await scene()
    const domain = await site.hub.control.domains.create({ name: 'elsewhere' })
    const there = site.hub.controlOf(domain.id)
    await there.channels.create({ name: 'telemetry' })
    const { key } = await there.things.create({ name: 'sensor' })
    await there.grants.create({ thing: 'sensor', channel: 'telemetry', actions: ['publish', 'subscribe'] })
    const stranger = await member(site, { name: 'sensor', key: key.secret })
    const peer = await member(site, thing)
    await publishAll(writer, numbers(0, 4))
    expect(await peer.texts(4)).toEqual(numbers(0, 4))
    await publishAll(stranger, ['theirs'])
    expect((await stranger.arrived()).map(textOf)).toEqual(['theirs'])
    expect(await peer.arrived()).toEqual([])
  })
})

describe('a shared subscription in a dialect', () => {
  it('is the same group in each, and each member sees topics as it writes them', async () => {
    const { site, thing, writer } = await scene({ listener: { dialects: [mainfluxTopics()] } })
    const native = await member(site, thing, '$share/workers/telemetry/#')
    const mainflux = await member(site, thing, '$share/workers/channels/telemetry/messages/#')
    expect(site.counter('thingmesh_shared_subscriptions')).toBe(1)
    await publishAll(writer, numbers(0, 4))
    const topics = async (peer: TestPeer) => (await peer.takeAll(2)).map(({ topic }) => topic)
    expect(await topics(native)).toEqual(['telemetry/a', 'telemetry/a'])
    expect(await topics(mainflux)).toEqual(['channels/telemetry/messages/a', 'channels/telemetry/messages/a'])
    expect(await mainflux.unsubscribe('$share/workers/channels/telemetry/messages/#')).toEqual([0])
  })
})

const stores: readonly (readonly [name: string, create: () => Promise<Store>])[] = [
  ['memory', () => Promise.resolve(memoryStore())],
  [
    'sqlite',
    async () => {
      const directory = await mkdtemp(join(tmpdir(), 'thingmesh-shared-'))
      const store = sqliteStore({ path: join(directory, 'hub.db'), durability: 'process' })
      onTestFinished(async () => {
        await store.stop()
        await rm(directory, { recursive: true })
      })
      return store
    },
  ],
]

describe.each(stores)('a shared subscription that lasts, in the %s store', (_, create) => {
  it.each(levels)('keeps what arrives while nobody is there for whoever is back, with MQTT %s', async (_, level) => {
    const { site, thing, writer } = await scene({ store: await create() })
    const [one, two] = [
      await member(site, thing, share, lasting(level, 'one')),
      await member(site, thing, share, lasting(level, 'two')),
    ]
    await one.disconnect()
    two.cut()
    await connections(site, 1)
    await publishAll(writer, numbers(0, 100))
    const back = await site.connect(thing, lasting(level, 'two'))
    expect(await back.texts(100)).toEqual(numbers(0, 100))
    expect(await back.arrived()).toEqual([])
    // A new member is given it as well as one that was there before.
    await back.disconnect()
    await publishAll(writer, numbers(100, 150))
    const stranger = await member(site, thing, share, { level })
    expect(await stranger.texts(50)).toEqual(numbers(100, 150))
    expect(await (await site.connect(thing, lasting(level, 'one'))).arrived()).toEqual([])
  })

  it('sends a member that comes back first what it had not acknowledged, in order and under its ids', async () => {
    const { site, thing, writer } = await scene({ store: await create() })
    const first = await site.connect(thing, lasting(5))
    first.acknowledges = false
    await first.subscribe(share)
    await publishAll(writer, numbers(0, 30))
    const taken = await first.takeAll(30)
    for (const publish of taken.slice(0, 10)) first.acknowledge(publish)
    await first.arrived()
    first.cut()
    await connections(site, 1)
    await publishAll(writer, numbers(30, 60))
    const back = await site.connect(thing, lasting(5))
    const rest = await back.takeAll(50)
    expect(rest.map(textOf)).toEqual(numbers(10, 60))
    expect(rest.slice(0, 20).map(({ packetId }) => packetId)).toEqual(taken.slice(10).map(({ packetId }) => packetId))
    expect(rest.map(({ dup }) => dup)).toEqual(numbers(0, 50).map((_, i) => i < 20))
  })

  it('goes on after a restart and after a kill, with what was not acknowledged', async () => {
    const data = await create()
    let way = severable(data)
    const first = await scene({ store: way })
    const { thing } = first
    const one = await first.site.connect(thing, lasting(5, 'one'))
    one.acknowledges = false
    await one.subscribe(share)
    await publishAll(first.writer, numbers(0, 10))
    const taken = await one.takeAll(10)
    for (const publish of taken.slice(0, 5)) one.acknowledge(publish)
    await one.arrived()
    // A kill may lose what is younger than this.
    await soon(async () => expect((await data.groups.load())[0]?.owed).toHaveLength(5))
    way.sever()
    way = severable(data)
    const second = await startSite({ store: way })
    const writer = await second.connect(thing)
    await publishAll(writer, numbers(10, 20))
    const back = await second.connect(thing, lasting(5, 'one'))
    expect(await back.texts(15)).toEqual(numbers(5, 20))
    await back.arrived()
    await back.disconnect()
    await publishAll(writer, ['away'])
    await second.hub.stop()
    const third = await startSite({ store: severable(data) })
    const again = await third.connect(thing, lasting(5, 'one'))
    expect(await again.texts(1)).toEqual(['away'])
    expect(await again.arrived()).toEqual([])
    expect(third.counter('thingmesh_shared_subscriptions')).toBe(1)
  })

  it.each([
    ['a restart', false],
    ['a kill', true],
  ])('has what it passed over again after %s, whoever is back first', async (_, isKilled) => {
    const data = await create()
    const way = severable(data)
    const limits = { windowMax: 2 }
    const { site, thing, writer } = await scene({ store: way, limits })
    const { narrow, other } = await apart(site)
    const stuck = await site.connect(narrow, lasting(5, 'stuck'))
    stuck.acknowledges = false
    await stuck.subscribe(share)
    const peer = await member(site, other, share, lasting(5, 'peer'))
    for (const number of numbers(0, 400)) {
      await publishAll(writer, [`mine ${number}`], 1, 'telemetry/mine')
      await publishAll(writer, [number])
    }
    expect(await peer.texts(400)).toEqual(numbers(0, 400))
    await peer.arrived()
    if (isKilled) {
      // A kill may lose what is younger than this.
      await soon(async () => expect((await data.groups.load())[0]?.owed).toHaveLength(400))
      way.sever()
    } else await site.hub.stop()
    const next = await startSite({ store: severable(data), limits })
    const again = await next.connect(other, lasting(5, 'peer'))
    await publishAll(await next.connect(thing), ['live'])
    expect(await again.texts(1)).toEqual(['live'])
    const back = await next.connect(narrow, lasting(5, 'stuck'))
    expect(await back.texts(400)).toEqual(numbers(0, 400).map(number => `mine ${number}`))
    expect(await again.arrived()).toEqual([])
    expect(next.counter('thingmesh_messages_dropped_total')).toBe(0)
    await soon(async () => expect(await data.groups.load()).toMatchObject([{ owed: [] }]))
  })

  it('finishes QoS 2 with the member that has it, over a kill', async () => {
    const data = await create()
    const way = severable(data)
    const { site, thing, writer } = await scene({ store: way })
    const holder = await site.connect(thing, lasting(5, 'holder'))
    holder.acknowledges = false
    await holder.subscribe(share, { qos: 2, subscriptionId: 3 })
    await member(site, thing, share, lasting(5, 'other'), 2)
    await publishAll(writer, numbers(0, 8), 2)
    await soon(async () => expect((await seen(holder))[0]).toHaveLength(4))
    const taken = await holder.takeAll(4)
    holder.say('pubrec', taken[1]!.packetId)
    await holder.takeAnswer('pubrel', taken[1]!.packetId)
    // A kill may lose what is younger than this: the end of what the other one has.
    await soon(async () => expect((await data.groups.load())[0]?.loans).toHaveLength(4))
    way.sever()
    const next = await startSite({ store: data })
    const other = await next.connect(thing, lasting(5, 'other'))
    await publishAll(await next.connect(thing), ['live'], 2)
    expect(await other.texts(1)).toEqual(['live'])
    const back = await next.connect(thing, { ...lasting(5, 'holder') })
    const again = await back.takeAll(3)
    expect(again.map(textOf)).toEqual([0, 2, 3].map(i => textOf(taken[i]!)))
    expect(again.map(({ packetId }) => packetId)).toEqual([0, 2, 3].map(i => taken[i]!.packetId))
    expect(again.every(({ dup, properties }) => dup && properties?.subscriptionIdentifiers?.[0] === 3)).toBe(true)
    expect(await other.arrived()).toEqual([])
    // Nobody is left with anything.
    await soon(async () => expect(await data.groups.load()).toMatchObject([{ owed: [], loans: [] }]))
  })

  it('ends with its last member', async () => {
    const data = await create()
    const { site, thing, writer } = await scene({ store: data })
    const [one, two] = [
      await member(site, thing, share, lasting(5, 'one')),
      await member(site, thing, share, lasting(5, 'two')),
    ]
    expect(await data.groups.load()).toHaveLength(1)
    await one.unsubscribe(share)
    await two.disconnect()
    await publishAll(writer, ['kept'])
    const clean = await site.connect(thing, { ...lasting(5, 'two'), cleanStart: true })
    expect(site.counter('thingmesh_shared_subscriptions')).toBe(0)
    await soon(async () => expect(await data.groups.load()).toEqual([]))
    expect(await clean.subscribe(share)).toEqual([1])
    await publishAll(writer, ['new'])
    expect(await clean.texts(1)).toEqual(['new'])
    // Members that do not last have no record.
    await clean.disconnect(0, 0)
    await member(site, thing)
    await soon(async () => expect(await data.groups.load()).toEqual([]))
  })
})
