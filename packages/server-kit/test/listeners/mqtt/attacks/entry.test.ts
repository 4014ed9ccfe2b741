import type { ProtocolLevel } from '@thingmesh/core/mqtt'
import { describe, expect, it, vi } from 'vitest'
import { memoryStore } from '../../../../src/store/memory/index.ts'
import { type Door, tries } from '../doors.ts'
import { lasting, type Right, type SiteOptions, startSite } from '../fixture.ts'
import { bytes, textOf } from '../peer.ts'

/** Getting in without a key, reaching what one has no right to, and being somebody else. */

async function siteBehind(door: Door, options: SiteOptions = {}) {
  const site = await startSite({ ...options, transport: door })
  await site.startBystander()
  return site
}

/** What is said instead of a good name and key. */
const credentials: readonly {
  readonly name: string
  readonly of: (key: string) => { username?: string; password?: string }
}[] = [
  { name: 'nothing at all', of: () => ({}) },
  // CVE-2018-12551: blank lines of a password file let in whoever named them.
  { name: 'an empty user name and an empty password', of: () => ({ username: '', password: '' }) },
  { name: 'a blank user name and a blank password', of: () => ({ username: ' ', password: ' ' }) },
  { name: 'a user name without a password', of: () => ({ username: 'sensor' }) },
  { name: 'an empty password', of: () => ({ username: 'sensor', password: '' }) },
  { name: 'the user name as the password', of: () => ({ username: 'sensor', password: 'sensor' }) },
  { name: 'a key that lacks its last character', of: key => ({ username: 'sensor', password: key.slice(0, -1) }) },
  { name: 'a key with a line break behind it', of: key => ({ username: 'sensor', password: `${key}\n` }) },
  { name: 'a key with a NUL behind it', of: key => ({ username: 'sensor', password: `${key}\0` }) },
  { name: 'a key in capitals', of: key => ({ username: 'sensor', password: key.toUpperCase() }) },
  { name: 'a key under the name of another thing', of: key => ({ username: 'bystander', password: key }) },
  { name: 'a key under a name that begins like its own', of: key => ({ username: 'sensor/', password: key }) },
  { name: 'a key under an empty name', of: key => ({ username: '', password: key }) },
  { name: 'a key as the user name', of: key => ({ username: key, password: '' }) },
]

describe.each(tries)('over $door, MQTT $version lets nobody in', ({ door, level }) => {
  it.each(credentials)('with $name', async ({ of }) => {
    const site = await siteBehind(door)
    const { key } = await site.thing('sensor')
    const said = of(key)
    // Before MQTT 5 there is no password without a user name: the packet is none.
    const peer = await site.open(level)
    const connack = await peer.connect({ clientId: 'x', ...said })
    expect(connack.reasonCode).toBe(level === 5 ? 0x86 : 4)
    expect(await peer.closed()).toEqual([])
    expect(site.counter('thingmesh_refused_total', { limit: 'authentication' })).toBe(1)
    expect(site.counter('thingmesh_sessions')).toBe(1)
    await site.expectUndisturbed()
  })

  it('who guesses on many connections at once, and keeps no more than a count of them', async () => {
    const site = await siteBehind(door)
    const { key } = await site.thing('sensor')
    const guesses = Array.from({ length: 100 }, async (_, i) => {
      const peer = await site.open(level)
      const connack = await peer.connect({ clientId: `guess-${i}`, username: 'sensor', password: `guess-${i}` })
      await peer.closed()
      return connack.reasonCode
    })
    expect(new Set(await Promise.all(guesses))).toEqual(new Set(level === 5 ? [0x86, 0x97] : [4, 3]))
    // CVE-2022-39368: what failed is not counted as connected for ever.
    await vi.waitFor(() => expect(site.counter('thingmesh_mqtt_connections')).toBe(1))
    const late = await site.open(level)
    const connack = await late.connect({ clientId: 'late', username: 'sensor', password: key })
    expect(connack.reasonCode).toBe(level === 5 ? 0x97 : 3)
    await site.expectUndisturbed()
  })
})

const part: readonly Right[] = [{ channel: 'telemetry', pattern: 'mine/#', actions: ['publish', 'subscribe'] }]

/** A site whose attacker may have `telemetry/mine/#`, and whose owner has said something there and elsewhere. */
async function shared(door: Door, level: ProtocolLevel) {
  const site = await siteBehind(door)
  await site.hub.control.channels.create({ name: 'secret' })
  const owner = await site.connect(
    await site.thing('owner', [
      { channel: 'telemetry', actions: ['publish', 'subscribe'] },
      { channel: 'secret', actions: ['publish', 'subscribe'] },
    ]),
  )
  const attacker = await site.thing('attacker', part)
  const say = async (retain: boolean) => {
    for (const topic of [
      'telemetry',
      'telemetry/mine/a',
      'telemetry/mines/a',
      'telemetry/yours/a',
      'secret/a',
      'secret',
    ])
      expect(await owner.publish(topic, topic, { retain })).toBe(0)
  }
  return { site, owner, attacker, say, peer: await site.connect(attacker, { level }) }
}

const reaching = ['#', '+/#', '+/+/+', 'telemetry/#', 'telemetry/+/a', 'telemetry/+/#', '+/mine/a', 'telemetry/mine/#']
const outOfReach = [
  'secret/#',
  'secret',
  '+/yours/a',
  'telemetry',
  'telemetry/yours/#',
  'telemetry/mines/#',
  '$SYS/#',
  '$share/g/secret/#',
  '$share/g/#/secret',
  '$internal/#',
]

describe.each(tries)('over $door, MQTT $version gives no more than there is a right to', ({ door, level }) => {
  it.each(reaching)('to a subscription to %s: live, retained and from the log', async filter => {
    const { site, owner, attacker, say } = await shared(door, level)
    await say(true)
    const how = lasting(level)
    const peer = await site.connect(attacker, how)
    expect(await peer.subscribe(filter)).toEqual([1])
    expect((await peer.take('publish')).topic).toBe('telemetry/mine/a')
    await say(false)
    expect((await peer.take('publish')).topic).toBe('telemetry/mine/a')
    expect(await peer.arrived()).toEqual([])
    peer.cut()
    await vi.waitFor(() => expect(site.counter('thingmesh_sessions')).toBe(3))
    await say(false)
    const back = await site.connect(attacker, how)
    expect((await back.take('publish')).topic).toBe('telemetry/mine/a')
    expect(await back.arrived()).toEqual([])
    expect(await owner.publish('telemetry/a', 'x')).toBe(0)
    await site.expectUndisturbed()
  })

  it.each(outOfReach)('to a subscription to %s: nothing', async filter => {
    const { site, peer, say } = await shared(door, level)
    await say(true)
    const [code] = await peer.subscribe(filter)
    expect(code).toBeGreaterThanOrEqual(0x80)
    await say(false)
    expect(await peer.arrived()).toEqual([])
    await site.expectUndisturbed()
  })

  it.each(['secret/a', 'telemetry/yours/a', 'telemetry/mines', 'telemetry', '$SYS/a', 'telemetry/mine/../yours/a'])(
    'to a publish and a will to %s: they reach nobody',
    async topic => {
      const { site, owner, attacker } = await shared(door, level)
      expect(await owner.subscribe(['telemetry/#', 'secret/#'])).toEqual([1, 1])
      const allowed = topic.startsWith('telemetry/mine/')
      for (const retain of [false, true]) {
        for (const qos of [0, 1, 2] as const) {
          const peer = await site.connect(attacker, { level })
          peer.sendPublish(topic, 'forged', { qos, retain })
          peer.cut()
          await peer.closed()
        }
        const willing = await site.open(level)
        const will = { topic, payload: bytes('forged'), qos: 1 as const, retain }
        const { reasonCode } = await willing.connect(site.credentials(attacker, { level, will }))
        expect(reasonCode === 0 || topic.startsWith('$')).toBe(true)
        willing.cut()
      }
      await vi.waitFor(() => expect(site.counter('thingmesh_mqtt_connections')).toBe(3))
      const heard = await owner.arrived()
      expect(heard.every(one => allowed && one.topic === topic)).toBe(true)
      await site.expectUndisturbed()
    },
  )
})

describe.each(tries)('over $door, with MQTT $version nobody is somebody else', ({ door, level }) => {
  // NATS CVE-2026-33215: a session taken over by whoever named its client id.
  it('by naming the client id of another: that session stays, and what waits for it', async () => {
    const site = await siteBehind(door)
    const [victim, attacker] = [await site.thing('victim'), await site.thing('attacker')]
    const how = lasting(level, 'the-same')
    const here = await site.connect(victim, how)
    expect(await here.subscribe('telemetry/private')).toEqual([1])
    const { peer, sessionPresent } = await site.enter(attacker, how)
    expect(sessionPresent).toBe(false)
    expect(await peer.publish('telemetry/private', 'live')).toBe(0)
    expect(textOf(await here.take('publish'))).toBe('live')
    here.cut()
    await vi.waitFor(() => expect(site.counter('thingmesh_sessions')).toBe(2))
    expect(await peer.publish('telemetry/private', 'waits')).toBe(0)
    expect(await peer.arrived()).toEqual([])
    // A clean start ends one's own session and no other.
    await site.connect(attacker, { ...how, cleanStart: true })
    const { peer: back, sessionPresent: isThere } = await site.enter(victim, how)
    expect(isThere).toBe(true)
    expect(textOf(await back.take('publish'))).toBe('waits')
    await site.expectUndisturbed()
  })

  it('by what it says of itself: the log names the thing whose key it was', async () => {
    const store = memoryStore()
    const site = await siteBehind(door, { store })
    await site.thing('victim')
    const attacker = await site.thing('attacker')
    const peer = await site.connect(attacker, { level, clientId: 'victim' })
    const userProperties: [string, string][] = [
      ['publisher', 'victim'],
      ['x-thing', 'victim'],
      ['authorization', 'victim'],
    ]
    const properties = level === 5 ? { userProperties } : undefined
    expect(await peer.publish('telemetry/a', 'x', { retain: true, properties })).toBe(0)
    const logged = await store.retained.match(site.hub.control.domain, ['telemetry/#'], 10)
    const { id } = await site.hub.control.things.get('attacker')
    expect(logged.map(({ publisher, protocol }) => [publisher, protocol])).toEqual([[`thing:${id}`, 'mqtt']])
    await site.expectUndisturbed()
  })
})
