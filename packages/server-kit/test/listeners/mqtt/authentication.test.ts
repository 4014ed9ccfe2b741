import { type ErrorCode, type Principal, ThingmeshError } from '@thingmesh/core'
import type { Properties } from '@thingmesh/core/mqtt'
import fc from 'fast-check'
import { describe, expect, it, vi } from 'vitest'
import type { Authenticate, ChallengeCredential } from '../../../src/contracts/index.ts'
import { type Site, type SiteOptions, startSite } from './fixture.ts'
import { bytes, type TestPeer } from './peer.ts'

const method = 'RIDDLE'
const text = (data: Uint8Array | undefined) => new TextDecoder().decode(data)

const continueAuthentication = 0x18
const reAuthenticate = 0x19

/** An embedder's own: asks as often as the peer's first word says, and each answer is the question backwards. */
function riddles(principal: () => Partial<Principal> = () => ({}), wrong: ErrorCode = 'unauthenticated') {
  const seen: ChallengeCredential[] = []
  const failures: unknown[] = []
  const grants = [{ actions: ['publish', 'subscribe'], filter: 'telemetry/#' }] as const
  const authenticate: Authenticate = async credential => {
    if (credential.kind !== 'challenge' || credential.method !== method) return undefined
    seen.push(credential)
    const [name = '', rounds = '1'] = text(credential.data).split(' ')
    credential.claim?.(name)
    for (let round = 1; round <= Number(rounds); round++) {
      const answer = await credential.ask(bytes(`riddle ${round}`)).catch(error => {
        failures.push(error)
        throw error
      })
      if (text(answer) !== `${round} elddir`) throw new ThingmeshError(wrong, 'wrong')
    }
    credential.conclude(bytes(`welcome ${name}`))
    return { id: `user:${name}`, kind: 'user', domain: 'default', grants, ...principal() }
  }
  return { authenticate: [authenticate], seen, failures }
}

interface Options extends SiteOptions {
  readonly principal?: () => Partial<Principal>
  readonly wrong?: ErrorCode
}

function start(options: Options = {}) {
  const { authenticate, seen, failures } = riddles(options.principal, options.wrong)
  return startSite({ ...options, authenticate }).then(site => ({ site, seen, failures }))
}

function begin(peer: TestPeer, data: string | undefined, properties: Properties = {}): void {
  const authenticationData = data === undefined ? undefined : bytes(data)
  peer.sendConnect({
    clientId: 'riddler',
    properties: { authenticationMethod: method, authenticationData, ...properties },
  })
}

function say(peer: TestPeer, data: string, reasonCode = continueAuthentication, authenticationMethod = method): void {
  peer.send({ type: 'auth', reasonCode, properties: { authenticationMethod, authenticationData: bytes(data) } })
}

async function enter(site: Site, name = 'ann', properties: Properties = {}): Promise<TestPeer> {
  const peer = await site.open()
  begin(peer, name, properties)
  await peer.take('auth')
  say(peer, '1 elddir')
  expect((await peer.take('connack')).reasonCode).toBe(0)
  return peer
}

describe('an exchange of challenges and responses', () => {
  it('ends in a CONNACK that names the method and carries the last word', async () => {
    const { site, seen } = await start()
    const peer = await site.open()
    begin(peer, 'ann 2')
    for (const round of [1, 2]) {
      expect(await peer.take('auth')).toEqual({
        type: 'auth',
        reasonCode: continueAuthentication,
        properties: { authenticationMethod: method, authenticationData: bytes(`riddle ${round}`) },
      })
      say(peer, `${round} elddir`)
    }
    const { reasonCode, properties } = await peer.take('connack')
    expect(reasonCode).toBe(0)
    expect(properties).toMatchObject({
      authenticationMethod: method,
      authenticationData: bytes('welcome ann'),
      receiveMaximum: 64,
    })
    expect(seen).toMatchObject([{ method, clientId: 'riddler', identity: undefined }])
    expect(await peer.subscribe('telemetry/#')).toEqual([1])
    expect(await peer.publish('telemetry/a', 'in')).toBe(0)
    expect(await peer.texts(1)).toEqual(['in'])
  })

  it('may be over before it has begun', async () => {
    const { site } = await start()
    const peer = await site.open()
    begin(peer, 'ann 0')
    expect((await peer.take('connack')).properties).toMatchObject({ authenticationData: bytes('welcome ann') })
    const silent = await site.open()
    begin(silent, undefined)
    expect(text((await silent.take('auth')).properties?.authenticationData)).toBe('riddle 1')
  })

  it('comes to the same in whatever pieces the answer arrives', async () => {
    const { site } = await start()
    await site.startBystander()
    const peer = await site.open()
    begin(peer, 'ann')
    await peer.take('auth')
    const data = [...bytes('1 elddir')]
    const properties = [0x15, 0, method.length, ...bytes(method), 0x16, 0, data.length, ...data]
    for (const byte of [0xf0, properties.length + 2, continueAuthentication, properties.length, ...properties]) {
      peer.raw([byte])
      await site.expectUndisturbed()
    }
    expect((await peer.take('connack')).reasonCode).toBe(0)
  })

  it('serves MQTT.js', async () => {
    const { site } = await start()
    const client = await site.stock(
      { name: 'ann', key: '' },
      { properties: { authenticationMethod: method, authenticationData: Buffer.from('ann 3') } },
      (packet, answer) => {
        const authenticationData = Buffer.from([...String(packet.properties?.authenticationData)].reverse().join(''))
        answer(undefined, {
          cmd: 'auth',
          reasonCode: 0x18,
          properties: { authenticationMethod: method, authenticationData },
        })
      },
    )
    expect(client.connected).toBe(true)
    await client.publishAsync('telemetry/a', 'x', { qos: 1 })
  })

  it('is refused with a wrong answer, counted, and slowed down by whom it claims to be', async () => {
    const { site } = await start()
    await site.startBystander()
    for (let i = 0; i < 10; i++) {
      const peer = await site.open()
      begin(peer, 'ann')
      await peer.take('auth')
      say(peer, 'no idea')
      expect(await peer.take('connack')).toMatchObject({ reasonCode: 0x86, sessionPresent: false })
      expect(await peer.closed()).toEqual([])
    }
    expect(site.counter('thingmesh_refused_total', { limit: 'authentication' })).toBe(10)
    const late = await site.open()
    begin(late, 'ann')
    expect((await late.take('connack')).reasonCode).toBe(0x97)
    await enter(site, 'bob')
    await site.expectUndisturbed()
  })

  it('gives no more guesses to whoever begins many at once', async () => {
    const { site } = await start()
    const peers = await Promise.all(Array.from({ length: 30 }, () => site.open()))
    for (const peer of peers) begin(peer, 'ann')
    for (const peer of peers) await peer.take('auth')
    for (const peer of peers) say(peer, 'no idea')
    const codes = await Promise.all(peers.map(async peer => (await peer.take('connack')).reasonCode))
    expect(codes.filter(code => code === 0x86)).toHaveLength(10)
    expect(codes.filter(code => code === 0x97)).toHaveLength(20)
  })

  it('counts for nothing when the peer goes half-way', async () => {
    const { site, failures } = await start()
    for (let i = 0; i < 12; i++) {
      const peer = await site.open()
      begin(peer, 'ann')
      await peer.take('auth')
      if (i % 2 === 0) peer.cut()
      else peer.send({ type: 'disconnect', reasonCode: 0 })
      await peer.closed()
    }
    await vi.waitFor(() => expect(failures).toHaveLength(12))
    for (const failure of failures) expect(failure).toMatchObject({ name: 'ThingmeshError', code: 'canceled' })
    expect(site.refusals).toBe(0)
    expect(site.counter('thingmesh_sessions')).toBe(0)
    expect(site.counter('thingmesh_mqtt_connections')).toBe(0)
    await enter(site)
    expect(site.faults).toEqual([])
  })

  it('lets nobody in whose leave was taken meanwhile', async () => {
    let thing = ''
    const { site } = await start({ principal: () => ({ id: `thing:${thing}`, kind: 'thing', grants: [] }) })
    await site.thing('sensor')
    thing = (await site.hub.control.things.get('sensor')).id
    const peers = [await site.open(), await site.open()]
    for (const peer of peers) {
      begin(peer, 'sensor')
      await peer.take('auth')
    }
    // What has nothing to do with it does not disturb it, and asks no question twice.
    await site.hub.control.channels.create({ name: 'meanwhile' })
    say(peers[0]!, '1 elddir')
    expect((await peers[0]!.take('connack')).reasonCode).toBe(0)
    await site.hub.control.things.update('sensor', { enabled: false })
    say(peers[1]!, '1 elddir')
    expect((await peers[1]!.take('connack')).reasonCode).toBe(0x86)
    await peers[0]!.closed()
    expect(site.counter('thingmesh_sessions')).toBe(0)
  })
})

describe('a method', () => {
  it('that nobody knows is refused by its name', async () => {
    const { site } = await start()
    const peer = await site.open()
    const connack = await peer.connect({
      properties: { authenticationMethod: 'GS2-KRB5', authenticationData: bytes('x') },
    })
    expect(connack.reasonCode).toBe(0x8c)
    expect(connack.properties?.authenticationMethod).toBeUndefined()
    expect(await peer.closed()).toEqual([])
  })

  it('goes before a password, which then proves nothing', async () => {
    const { site, seen } = await start()
    const thing = await site.thing('sensor')
    const peer = await site.open()
    const properties = { authenticationMethod: method, authenticationData: bytes('ann') }
    peer.sendConnect(site.credentials(thing, { properties }))
    await peer.take('auth')
    say(peer, 'wrong')
    expect((await peer.take('connack')).reasonCode).toBe(0x86)
    expect(seen).toMatchObject([{ identity: 'sensor' }])
    expect(seen[0]).not.toHaveProperty('secret')
  })

  it('belongs to data', async () => {
    const { site } = await start()
    const peer = await site.open()
    peer.raw([0x10, 18, 0, 4, ...bytes('MQTT'), 5, 2, 0, 60, 4, 0x16, 0, 1, 0x61, 0, 1, 0x61])
    expect(await peer.closed()).toEqual([])
    expect(site.counter('thingmesh_mqtt_failures_total')).toBe(1)
  })
})

describe('what a peer may not say before it is let in', () => {
  it.each<[string, (peer: TestPeer) => void]>([
    ['a ping', peer => peer.send({ type: 'pingreq' })],
    ['a publish', peer => peer.sendPublish('telemetry/a', 'early')],
    ['a publish with an impossible alias', peer => peer.raw([0x30, 8, 0, 1, 0x61, 3, 0x23, 0, 0, 0x78])],
    ['a subscribe', peer => peer.sendSubscribe('telemetry/#')],
    ['auth of another method', peer => say(peer, '1 elddir', continueAuthentication, 'OTHER')],
    ['auth without a method', peer => peer.raw([0xf0, 2, continueAuthentication, 0])],
    ['auth that says success', peer => say(peer, '1 elddir', 0)],
    ['bare auth', peer => peer.raw([0xf0, 0])],
    ['re-authentication', peer => say(peer, 'ann', reAuthenticate)],
  ])('%s is a protocol error', async (_, talk) => {
    const { site, failures } = await start()
    await site.startBystander()
    const peer = await site.open()
    begin(peer, 'ann')
    await peer.take('auth')
    talk(peer)
    expect(await peer.take('connack')).toMatchObject({ reasonCode: 0x82, sessionPresent: false })
    expect(await peer.closed()).toEqual([])
    expect(failures).toMatchObject([{ code: 'canceled' }])
    expect(site.counter('thingmesh_mqtt_failures_total', { code: 'invalid-argument' })).toBe(1)
    expect(site.counter('thingmesh_sessions')).toBe(1)
    await site.expectUndisturbed()
  })
})

describe('an exchange is bounded', () => {
  it('in time', async () => {
    const { site, failures } = await start({ listener: { connectTimeoutMs: 300 } })
    await site.startBystander()
    const peer = await site.open()
    begin(peer, 'ann')
    await peer.take('auth')
    expect(await peer.closed()).toEqual([])
    await vi.waitFor(() => expect(failures).toMatchObject([{ code: 'canceled' }]))
    expect(site.counter('thingmesh_mqtt_refused_total', { limit: 'connect-timeout' })).toBe(1)
    await site.expectUndisturbed()
  })

  it('in rounds', async () => {
    const { site } = await start({ listener: { authRoundsMax: 3 } })
    const peer = await site.open()
    begin(peer, 'ann 4')
    for (const round of [1, 2, 3]) {
      await peer.take('auth')
      say(peer, `${round} elddir`)
    }
    expect((await peer.take('connack')).reasonCode).toBe(0x97)
    await peer.closed()
    expect(site.counter('thingmesh_mqtt_failures_total', { code: 'rate-limited' })).toBe(1)
  })

  it('in bytes, of each packet and of all together', async () => {
    const { site } = await start({ listener: { authBytesMax: 100, connectBytesMax: 200 } })
    const cases: [string, string[]][] = [
      ['x'.repeat(101), []],
      ['ann', ['x'.repeat(98)]],
      ['ann', ['x'.repeat(190)]],
      [`ann 2${' '.repeat(45)}`, ['1 elddir', 'x'.repeat(50)]],
    ]
    for (const [data, answers] of cases) {
      const peer = await site.open()
      begin(peer, data)
      for (const answer of answers) {
        await peer.take('auth')
        say(peer, answer)
      }
      expect((await peer.take('connack')).reasonCode).toBe(0x95)
      await peer.closed()
    }
    expect(site.counter('thingmesh_mqtt_failures_total', { code: 'too-large' })).toBe(cases.length)
  })

  it('by what the peer takes', async () => {
    const { site, failures } = await start()
    const peer = await site.open()
    begin(peer, 'ann', { maximumPacketSize: 20 })
    await peer.take('connack')
    await peer.closed()
    expect(failures).toMatchObject([{ code: 'too-large' }])
  })
})

describe('proving oneself anew', () => {
  it('goes on meanwhile, and is told in the end', async () => {
    const { site } = await start()
    const peer = await enter(site)
    say(peer, 'ann', reAuthenticate)
    expect(text((await peer.take('auth')).properties?.authenticationData)).toBe('riddle 1')
    expect(await peer.publish('telemetry/a', 'still')).toBe(0)
    await peer.arrived()
    say(peer, '1 elddir')
    expect(await peer.take('auth')).toEqual({
      type: 'auth',
      reasonCode: 0,
      properties: { authenticationMethod: method, authenticationData: bytes('welcome ann') },
    })
    expect(await peer.publish('telemetry/a', 'still')).toBe(0)
    expect(site.refusals).toBe(0)
  })

  it('puts off the end of the session', async () => {
    let lifeMs = 1_500
    const { site } = await start({ principal: () => ({ expiresAtMs: Date.now() + lifeMs }) })
    const short = await enter(site, 'ann')
    const longer = await enter(site, 'bob')
    lifeMs = 60_000
    say(longer, 'bob 0', reAuthenticate)
    expect((await longer.take('auth')).reasonCode).toBe(0)
    expect(await short.closeReason()).toBe(0x87)
    expect(await longer.publish('telemetry/a', 'still')).toBe(0)
  })

  it('brings the rights of the new proof', async () => {
    let filter = 'telemetry/a/#'
    const { site } = await start({ principal: () => ({ grants: [{ actions: ['publish', 'subscribe'], filter }] }) })
    const peer = await enter(site)
    await peer.subscribe('telemetry/#')
    expect(await peer.publish('telemetry/a', 'x')).toBe(0)
    expect(await peer.publish('telemetry/b', 'x')).toBe(0x87)
    filter = 'telemetry/b/#'
    say(peer, 'ann 0', reAuthenticate)
    await peer.take('auth')
    expect(await peer.publish('telemetry/a', 'x')).toBe(0x87)
    expect(await peer.publish('telemetry/b', 'y')).toBe(0)
    expect(await peer.texts(2)).toEqual(['x', 'y'])
  })

  it('ends what nothing is left of the right to by the new proof', async () => {
    let filter = 'telemetry/a/#'
    const { site } = await start({ principal: () => ({ grants: [{ actions: ['subscribe'], filter }] }) })
    const peer = await enter(site)
    await peer.subscribe('telemetry/a/#')
    filter = 'telemetry/b/#'
    say(peer, 'ann 0', reAuthenticate)
    expect((await peer.take('auth')).reasonCode).toBe(0)
    expect(await peer.closeReason()).toBe(0x98)
  })

  it.each<[string, number, (peer: TestPeer) => void | Promise<void>]>([
    [
      'as somebody else',
      0x87,
      async peer => {
        say(peer, 'bob', reAuthenticate)
        await peer.take('auth')
        say(peer, '1 elddir')
      },
    ],
    [
      'with a wrong answer',
      0x87,
      async peer => {
        say(peer, 'ann', reAuthenticate)
        await peer.take('auth')
        say(peer, 'no idea')
      },
    ],
    ['by another method', 0x82, peer => say(peer, 'ann', reAuthenticate, 'OTHER')],
    [
      'twice at once',
      0x82,
      async peer => {
        say(peer, 'ann', reAuthenticate)
        await peer.take('auth')
        say(peer, 'ann', reAuthenticate)
      },
    ],
    [
      'twice within a second',
      0x97,
      async peer => {
        say(peer, 'ann 0', reAuthenticate)
        await peer.take('auth')
        say(peer, 'ann 0', reAuthenticate)
      },
    ],
    ['with an answer to no question', 0x82, peer => say(peer, '1 elddir')],
    ['by saying that it worked', 0x82, peer => peer.raw([0xf0, 0])],
  ])('%s ends the connection', async (_, reason, talk) => {
    const { site } = await start()
    await site.startBystander()
    const peer = await enter(site)
    await talk(peer)
    expect(await peer.closeReason()).toBe(reason)
    expect(site.counter('thingmesh_sessions')).toBe(1)
    await site.expectUndisturbed()
  })

  it('takes no longer than coming in', async () => {
    const { site } = await start({ listener: { connectTimeoutMs: 300 } })
    const peer = await enter(site)
    say(peer, 'ann', reAuthenticate)
    expect(await peer.closeReason()).toBe(0x87)
    expect(site.counter('thingmesh_mqtt_refused_total', { limit: 'connect-timeout' })).toBe(1)
  })

  it('is for who came in so', async () => {
    const { site } = await start()
    const peer = await site.connect(await site.thing('sensor'))
    say(peer, 'sensor', reAuthenticate)
    expect(await peer.closeReason()).toBe(0x82)
  })
})

it('whatever a peer says in an exchange, it costs nobody but itself', async () => {
  // Not one that is counted: the hub would soon hear no more of it.
  const { site, failures } = await start({ listener: { authIntervalMsMin: 0 }, wrong: 'permission-denied' })
  await site.startBystander()
  const anything = fc.oneof(
    fc.uint8Array({ maxLength: 40 }).map(data => [0xf0, data.length, ...data]),
    fc.tuple(fc.constantFrom(0, 0x18, 0x19, 0x80), fc.uint8Array({ maxLength: 30 })).map(([code, data]) => {
      const properties = [0x15, 0, method.length, ...bytes(method), 0x16, 0, data.length, ...data]
      return [0xf0, properties.length + 2, code, properties.length, ...properties]
    }),
    fc.uint8Array({ minLength: 1, maxLength: 40 }).map(data => [...data]),
  )
  await fc.assert(
    fc.asyncProperty(fc.array(anything, { minLength: 1, maxLength: 5 }), async packets => {
      const peer = await site.open()
      begin(peer, 'x 9')
      await peer.take('auth')
      peer.raw(...packets)
      peer.socket.end()
      await peer.closed()
    }),
    { numRuns: 150 },
  )
  for (const failure of failures) expect(failure).toMatchObject({ name: 'ThingmeshError' })
  await site.expectUndisturbed()
})
