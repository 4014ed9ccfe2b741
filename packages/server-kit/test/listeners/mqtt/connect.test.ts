import { describe, expect, it, vi } from 'vitest'
import { levels, startSite } from './fixture.ts'

const badUserOrPassword = { 4: 4, 5: 0x86 } as const

describe.each(levels)('connecting with MQTT %s', (_, level) => {
  const refusedLogin = badUserOrPassword[level as 4 | 5]

  it('lets a thing in by its name, or its id, and its key', async () => {
    const site = await startSite()
    const thing = await site.thing('sensor')
    const { id } = await site.hub.control.things.get('sensor')
    await site.connect(thing, { level })
    await site.connect({ ...thing, name: id }, { level })
  })

  it.each([
    ['a wrong key', { username: 'sensor', password: 'nonsense' }],
    ['a key of another thing', { username: 'sensor', password: 'KEY OF OTHER' }],
    ['an unknown thing', { username: 'nobody', password: 'KEY OF OTHER' }],
    ['a user name without a password', { username: 'sensor' }],
    ['an empty password', { username: 'sensor', password: '' }],
    ['nothing at all', {}],
  ])('refuses %s, says so, closes and counts it', async (_case, credentials) => {
    const site = await startSite()
    await site.startBystander()
    await site.thing('sensor')
    const other = await site.thing('other')
    const peer = await site.open(level)
    const secret = credentials as { username?: string; password?: string }
    const connack = await peer.connect({
      ...secret,
      ...(secret.password === 'KEY OF OTHER' && { password: other.key }),
    })
    expect(connack.reasonCode).toBe(refusedLogin)
    expect(connack.sessionPresent).toBe(false)
    expect(await peer.closed()).toEqual([])
    expect(site.counter('thingmesh_refused_total', { limit: 'authentication' })).toBe(1)
    await site.expectUndisturbed()
  })

  it('refuses a disabled thing, and lets it in when it is enabled again', async () => {
    const site = await startSite()
    const thing = await site.thing('sensor')
    await site.hub.control.things.update('sensor', { enabled: false })
    const peer = await site.open(level)
    expect((await peer.connect(site.credentials(thing))).reasonCode).toBe(refusedLogin)
    await peer.closed()
    await site.hub.control.things.update('sensor', { enabled: true })
    await site.connect(thing, { level })
  })

  it('slows down whoever guesses, without a word on whether the key was right', async () => {
    const site = await startSite()
    const thing = await site.thing('sensor')
    for (let i = 0; i < 10; i++) {
      const peer = await site.open(level)
      expect((await peer.connect({ username: 'sensor', password: 'guess' })).reasonCode).toBe(refusedLogin)
    }
    const peer = await site.open(level)
    expect((await peer.connect(site.credentials(thing))).reasonCode).toBe(level === 5 ? 0x97 : 3)
    // Another identity from the same address is not locked out.
    await site.connect(await site.thing('other'), { level })
  })

  it('takes client ids of 64 bytes and no longer', async () => {
    const site = await startSite()
    const thing = await site.thing('sensor')
    await site.connect(thing, { level, clientId: 'é'.repeat(32) })
    const peer = await site.open(level)
    const { reasonCode } = await peer.connect(site.credentials(thing, { clientId: `${'é'.repeat(32)}x` }))
    expect(reasonCode).toBe(level === 5 ? 0x85 : 2)
    await peer.closed()
    expect(site.counter('thingmesh_refused_total', { limit: 'client-id' })).toBe(1)
  })

  it('ends a connection that connects twice', async () => {
    const site = await startSite()
    await site.startBystander()
    const thing = await site.thing('sensor')
    const peer = await site.connect(thing, { level })
    peer.sendConnect(site.credentials(thing))
    expect(await peer.closeReason()).toBe(level === 5 ? 0x82 : undefined)
    expect(site.counter('thingmesh_mqtt_failures_total')).toBe(1)
    await site.expectUndisturbed()
  })

  it('closes without a reply on a CONNECT of 9 KiB', async () => {
    const site = await startSite()
    await site.startBystander()
    await site.thing('sensor')
    const peer = await site.open(level)
    peer.sendConnect({ username: 'sensor', password: 'x'.repeat(9 * 1024) })
    expect(await peer.closed()).toEqual([])
    expect(site.counter('thingmesh_mqtt_failures_total', { code: 'too-large' })).toBe(1)
    await site.expectUndisturbed()
  })

  it('closes without a reply when the first packet is another one', async () => {
    const site = await startSite()
    await site.startBystander()
    const firsts = [
      [0x30, 3, 0, 1, 0x61],
      [0xc0, 0],
      [0x82, 6, 0, 1, 0, 1, 0x61, 0],
      [0xe0, 0],
      [...Buffer.from('GET / HTTP/1.1\r\n\r\n')],
    ]
    for (const first of firsts) {
      const peer = await site.open(level)
      peer.raw(first)
      expect(await peer.closed()).toEqual([])
    }
    expect(site.counter('thingmesh_mqtt_failures_total', { code: 'invalid-argument' })).toBe(firsts.length)
    await site.expectUndisturbed()
  })

  it('answers what was sent right behind CONNECT, in order', async () => {
    const site = await startSite()
    const thing = await site.thing('sensor')
    const peer = await site.open(level)
    peer.sendConnect(site.credentials(thing))
    peer.sendSubscribe('telemetry/#')
    for (let i = 0; i < 50; i++) peer.sendPublish('telemetry/a', `${i}`)
    peer.send({ type: 'pingreq' })
    expect((await peer.take('connack')).reasonCode).toBe(0)
    expect((await peer.take('suback')).reasonCodes).toEqual([1])
    await peer.take('pingresp')
    expect(await peer.texts(50)).toEqual(Array.from({ length: 50 }, (_, i) => `${i}`))
  })

  it('serves MQTT.js', async () => {
    const site = await startSite()
    const thing = await site.thing('sensor')
    const client = await site.stock(thing, { protocolVersion: level as 4 | 5 })
    expect(client.connected).toBe(true)
    await client.endAsync()
    await expect(site.stock({ ...thing, key: 'wrong' }, { protocolVersion: level as 4 | 5 })).rejects.toMatchObject({
      code: refusedLogin,
    })
  })
})

describe('the client id', () => {
  it('may be empty with MQTT 5, which is told the one it was given', async () => {
    const site = await startSite()
    const thing = await site.thing('sensor')
    const peer = await site.open(5)
    const { properties } = await peer.connect(
      site.credentials(thing, { clientId: '', cleanStart: false, properties: { sessionExpiryInterval: 60 } }),
    )
    const clientId = properties?.assignedClientIdentifier
    expect(clientId).toMatch(/^.{8,64}$/)
    await peer.disconnect()
    // It names the session from then on.
    const again = await site.open(5)
    expect(
      (await again.connect(site.credentials(thing, { clientId: clientId!, cleanStart: false }))).sessionPresent,
    ).toBe(true)
    const other = await site.open(5)
    const second = await other.connect(site.credentials(thing, { clientId: '' }))
    expect(second.properties?.assignedClientIdentifier).not.toBe(clientId)
  })

  it('may be empty with MQTT 3.1.1 for a clean session only', async () => {
    const site = await startSite()
    const thing = await site.thing('sensor')
    await site.connect(thing, { level: 4, clientId: '', cleanStart: true })
    const peer = await site.open(4)
    expect((await peer.connect(site.credentials(thing, { clientId: '', cleanStart: false }))).reasonCode).toBe(2)
    expect(await peer.closed()).toEqual([])
  })
})

describe('the protocol level', () => {
  it('may be 3.1', async () => {
    const site = await startSite()
    const thing = await site.thing('sensor')
    const peer = await site.connect(thing, { level: 3, clientId: 'old' })
    expect(await peer.subscribe('telemetry/#')).toEqual([1])
    expect(await peer.publish('telemetry/a', 'hello')).toBe(0)
    expect(await peer.texts(1)).toEqual(['hello'])
    const stock = await site.stock(thing, { protocolVersion: 3, protocolId: 'MQIsdp' })
    expect(stock.connected).toBe(true)
  })

  const connectOf = (name: string, level: number, rest: readonly number[]) => {
    const body = [0, name.length, ...Buffer.from(name), level, 2, 0, 60, ...rest]
    return [0x10, body.length, ...body]
  }

  it.each([
    ['2 of MQTT', connectOf('MQTT', 2, [0, 1, 0x61]), 4, 1],
    ['4 of MQIsdp', connectOf('MQIsdp', 4, [0, 1, 0x61]), 4, 1],
    ['another protocol', connectOf('MQXX', 4, [0, 1, 0x61]), 4, 1],
    // Whoever speaks a later one reads the answer of MQTT 5 (section 3.1.2.2).
    ['6 of MQTT', connectOf('MQTT', 6, [0, 0, 1, 0x61]), 5, 0x84],
  ] as const)('is refused by name: %s', async (_, connect, answerLevel, code) => {
    const site = await startSite()
    await site.startBystander()
    const peer = await site.open(answerLevel)
    peer.raw(connect)
    expect(await peer.take('connack')).toMatchObject({ reasonCode: code, sessionPresent: false })
    expect(await peer.closed()).toEqual([])
    expect(site.refusals).toBe(1)
    await site.expectUndisturbed()
  })
})

describe('what CONNACK tells an MQTT 5 client', () => {
  it('is the limits, and whatever is not as it was asked for', async () => {
    const site = await startSite()
    const thing = await site.thing('sensor')
    const peer = await site.open(5)
    const { properties } = await peer.connect(
      site.credentials(thing, { keepAliveSeconds: 0, properties: { sessionExpiryInterval: 0xffff_ffff } }),
    )
    expect(properties).toEqual({
      sessionExpiryInterval: 7 * 24 * 3600,
      receiveMaximum: 64,
      topicAliasMaximum: 16,
      maximumPacketSize: 256 * 1024,
      sharedSubscriptionAvailable: true,
      serverKeepAlive: 60,
    })
    const plain = await site.open(5)
    const granted = await plain.connect(site.credentials(thing, { properties: { sessionExpiryInterval: 30 } }))
    expect(granted.properties).not.toHaveProperty('sessionExpiryInterval')
    expect(granted.properties).not.toHaveProperty('serverKeepAlive')
    expect(granted.properties).not.toHaveProperty('assignedClientIdentifier')
  })

  it.each([
    ['nothing', undefined, 64],
    ['less than it has anyway', '10', 64],
    ['more', '100', 100],
    ['more than there is', '65535', 512],
    ['what is no number', 'many', 64],
    ['what is no Receive Maximum', '0', 64],
    ['a number too long for one', '100000', 64],
  ])('is as much of a larger Receive Maximum as there is: it asks for %s', async (_, asked, given) => {
    const site = await startSite()
    const peer = await site.open(5)
    const userProperties: [string, string][] = asked === undefined ? [] : [['server-receive-maximum', asked]]
    const { properties } = await peer.connect(
      site.credentials(await site.thing('sensor'), { properties: { userProperties } }),
    )
    expect(properties).toMatchObject({ receiveMaximum: given })
  })

  it.each([
    ['no more than the hub remembers keys', 100, 100],
    ['no more than that, though others have more', 3, 3],
    ['as much as there is where it remembers none', 0, 512],
  ])('is of a larger Receive Maximum %s', async (_, keysPerPublisherMax, given) => {
    const site = await startSite({ limits: { keysPerPublisherMax } })
    const thing = await site.thing('sensor')
    const userProperties: [string, string][] = [['server-receive-maximum', '9999']]
    const asker = await site.open(5)
    const { properties } = await asker.connect(site.credentials(thing, { properties: { userProperties } }))
    expect(properties).toMatchObject({ receiveMaximum: given })
    const other = await site.open(5)
    expect((await other.connect(site.credentials(thing))).properties).toMatchObject({ receiveMaximum: 64 })
  })

  it('is that there is no such authentication method', async () => {
    const site = await startSite()
    const thing = await site.thing('sensor')
    const peer = await site.open(5)
    const properties = { authenticationMethod: 'SCRAM-SHA-1' }
    expect((await peer.connect(site.credentials(thing, { properties }))).reasonCode).toBe(0x8c)
    await peer.closed()
  })
})

describe('a peer that says nothing', () => {
  it('is cut off at the time limit, and so is one that says half', async () => {
    const site = await startSite({ listener: { connectTimeoutMs: 300 } })
    await site.startBystander()
    const thing = await site.thing('sensor')
    const silent = await site.open()
    const half = await site.open()
    half.raw(half.encodeConnect(site.credentials(thing)).subarray(0, 20))
    expect(await silent.closed()).toEqual([])
    expect(await half.closed()).toEqual([])
    expect(site.counter('thingmesh_mqtt_refused_total', { limit: 'connect-timeout' })).toBe(2)
    await site.expectUndisturbed()
  })
})

describe('the number of connections', () => {
  it('is bounded, in all and for each address', async () => {
    const site = await startSite({ listener: { connectionsPerAddressMax: 2 } })
    await site.startBystander()
    const late = await site.thing('late')
    const second = await site.open()
    const third = await site.open()
    expect(await third.closed()).toEqual([])
    expect(site.counter('thingmesh_mqtt_refused_total', { limit: 'connections-per-address' })).toBe(1)
    await site.expectUndisturbed()
    second.cut()
    await vi.waitFor(() => expect(site.counter('thingmesh_mqtt_connections')).toBe(1))
    await site.connect(late)
  })

  it.each(levels)('is bounded for each thing, with MQTT %s', async (_, level) => {
    const site = await startSite({ limits: { sessionsPerPrincipalMax: 2 } })
    await site.startBystander()
    const thing = await site.thing('sensor')
    await site.connect(thing, { level })
    const second = await site.connect(thing, { level })
    const third = await site.open(level)
    expect((await third.connect(site.credentials(thing))).reasonCode).toBe(level === 5 ? 0x97 : 3)
    await third.closed()
    expect(site.counter('thingmesh_refused_total', { limit: 'sessions-per-principal' })).toBe(1)
    await second.disconnect()
    await site.connect(thing, { level })
    await site.expectUndisturbed()
  })
})
