import { randomUUID } from 'node:crypto'
import { createAdmin, type Presence, type PresenceUpdate } from '@thingmesh/core'
import mqtt from 'mqtt'
import { describe, expect, it, onTestFinished, vi } from 'vitest'
import { httpListener } from '../../src/listeners/http/index.ts'
import { mqttListener } from '../../src/listeners/mqtt/index.ts'
import { bytes, startHub } from '../support/hub.ts'

async function startSite(options: Parameters<typeof startHub>[0] = {}) {
  const mqttDoor = mqttListener({ port: 0 })
  const httpDoor = httpListener({ port: 0 })
  const test = await startHub({ ...options, listeners: [mqttDoor, httpDoor] })
  const { hub } = test
  const url = `http://127.0.0.1:${httpDoor.address!.port}`
  const admin = createAdmin(url, { token: hub.adminToken! })
  onTestFinished(() => admin.close())

  async function dial(username: string, password: string, clientId: string) {
    const options = { clientId, username, password, protocolVersion: 5, reconnectPeriod: 0 } as const
    const client = await mqtt.connectAsync(`mqtt://127.0.0.1:${mqttDoor.address!.port}`, options, false)
    client.on('error', () => undefined)
    onTestFinished(() => client.endAsync(true))
    return client
  }

  /** The whole, as somebody who follows knows it. */
  async function follow(from = admin) {
    const known = new Map<string, Presence>()
    const updates: PresenceUpdate[] = []
    const leaving = new AbortController()
    onTestFinished(() => leaving.abort())
    const ended = (async () => {
      for await (const update of from.presence.follow({ signal: leaving.signal })) {
        updates.push(update)
        if (update.reset) known.clear()
        for (const item of update.items) known.set(item.principal, item)
        for (const principal of update.gone) known.delete(principal)
      }
    })()
    ended.catch(() => undefined)
    await vi.waitFor(() => expect(updates.length).toBeGreaterThan(0))
    return { known, updates, ended, leave: () => leaving.abort() }
  }
  const idOf = async (name: string) => `thing:${(await hub.control.things.get(name)).id}`
  return { ...test, url, admin, dial, follow, idOf }
}

describe('presence', () => {
  it('says who is connected, since when and over what, and when one was seen last', async () => {
    const { thing, dial, admin, idOf } = await startSite()
    const secret = await thing('sensor')
    const principal = await idOf('sensor')
    expect(await admin.presence.get('sensor')).toEqual({ principal, kind: 'thing', connections: [] })
    const before = Date.now()
    const client = await dial('sensor', secret, 'c1')
    const here = await admin.presence.get('sensor')
    expect(here).toEqual({
      principal,
      kind: 'thing',
      connections: [{ protocol: 'mqtt', clientId: 'c1', connectedAtMs: expect.any(Number) }],
      lastSeenAtMs: expect.any(Number),
      lastProtocol: 'mqtt',
    })
    expect(here.connections[0]!.connectedAtMs).toBeGreaterThanOrEqual(before)
    await client.endAsync()
    await vi.waitFor(async () => expect((await admin.presence.get(principal.slice(6))).connections).toEqual([]))
    const gone = await admin.presence.get('sensor')
    expect(gone.lastSeenAtMs).toBeGreaterThanOrEqual(here.lastSeenAtMs!)
    await expect(admin.presence.get('nobody')).rejects.toMatchObject({ code: 'not-found' })
  })

  it('counts an exchange over HTTP as seen and not as connected', async () => {
    const { thing, url, admin, connect } = await startSite()
    const secret = await thing('sensor')
    const publish = async () => {
      const request = { method: 'POST', headers: { authorization: `Thing ${secret}` }, body: '1' }
      expect((await fetch(`${url}/channels/telemetry/messages`, request)).status).toBe(202)
    }
    await publish()
    const first = await admin.presence.get('sensor')
    expect(first).toMatchObject({ connections: [], lastProtocol: 'http', lastSeenAtMs: expect.any(Number) })
    // The second goes by the session that the first has opened.
    await vi.waitFor(async () => {
      await publish()
      expect((await admin.presence.get('sensor')).lastSeenAtMs).toBeGreaterThan(first.lastSeenAtMs!)
    })
    const memory = await connect(secret)
    expect(await admin.presence.get('sensor')).toMatchObject({
      connections: [{ protocol: 'memory' }],
      lastProtocol: 'memory',
    })
    await memory.close()
    expect(await admin.presence.get('sensor')).toMatchObject({ connections: [], lastProtocol: 'memory' })
  })

  it('moves on with what a connection does', async () => {
    const { thing, connect, hub } = await startSite()
    const connection = await connect(await thing('sensor'))
    const { lastSeenAtMs: connected } = await hub.control.presence.get('sensor')
    await vi.waitFor(async () => {
      await connection.publish('telemetry/a', bytes('1'))
      expect((await hub.control.presence.get('sensor')).lastSeenAtMs).toBeGreaterThan(connected!)
    })
    await connection.close()
  })

  it('is right after a takeover, a broken connection, and two connections of which one ends', async () => {
    const { thing, dial, admin } = await startSite()
    const secret = await thing('sensor')
    const clients = async () => (await admin.presence.get('sensor')).connections.map(({ clientId }) => clientId)
    await dial('sensor', secret, 'c1')
    const { connections: before } = await admin.presence.get('sensor')
    const second = await dial('sensor', secret, 'c1')
    expect(await clients()).toEqual(['c1'])
    const third = await dial('sensor', secret, 'c2')
    expect(await clients()).toEqual(['c1', 'c2'])
    second.stream.destroy()
    await vi.waitFor(async () => expect(await clients()).toEqual(['c2']))
    third.stream.destroy()
    await vi.waitFor(async () => expect(await clients()).toEqual([]))
    expect(before).toHaveLength(1)
  })

  it('forgets a thing that is deleted, and whose key was revoked it shows as away', async () => {
    const { thing, dial, admin, hub, follow, idOf } = await startSite()
    const secret = await thing('sensor')
    const principal = await idOf('sensor')
    await dial('sensor', secret, 'c1')
    const { known } = await follow()
    expect(known.get(principal)!.connections).toHaveLength(1)
    const [key] = await hub.control.keys.list('sensor')
    await hub.control.keys.revoke('sensor', key!.id)
    await vi.waitFor(() => expect(known.get(principal)!.connections).toEqual([]))
    await hub.control.things.remove('sensor')
    await vi.waitFor(() => expect(known.has(principal)).toBe(false))
    await expect(admin.presence.get('sensor')).rejects.toMatchObject({ code: 'not-found' })
  })

  it('is followed: everybody first, then who comes and goes', async () => {
    const { thing, connect, follow, idOf } = await startSite()
    const first = await connect(await thing('first'))
    const { known, updates } = await follow()
    expect(updates[0]!.reset).toBe(true)
    expect(known.get(await idOf('first'))!.connections).toHaveLength(1)
    const second = await connect(await thing('second'))
    await vi.waitFor(async () => expect(known.get(await idOf('second'))?.connections).toHaveLength(1))
    await first.close()
    await second.close()
    await vi.waitFor(() => expect([...known.values()].flatMap(({ connections }) => connections)).toEqual([]))
    expect(updates.filter(({ reset }) => reset)).toHaveLength(1)
  })

  it('tells a follower of many connections that come at once in a few updates, and of 100 of them', async () => {
    const { thing, connect, hub, follow } = await startSite({ limits: { sessionsPerPrincipalMax: 2_000 } })
    const secret = await thing('sensor')
    const { known, updates } = await follow()
    const connections = await Promise.all(Array.from({ length: 200 }, () => connect(secret)))
    await vi.waitFor(() =>
      expect([...known.values()].find(({ kind }) => kind === 'thing')?.connections).toHaveLength(100),
    )
    expect(updates.length).toBeLessThan(20)
    expect(JSON.stringify(hub.meter.collect())).toContain('thingmesh_presences_away')
    await Promise.all(connections.map(connection => connection.close()))
  })

  it('is gone through in pages, whole or by who is connected', async () => {
    const { thing, connect, admin, hub } = await startSite()
    const connections = []
    for (const name of ['a', 'b', 'c', 'd', 'e']) connections.push(await connect(await thing(name)))
    for (const connection of connections.slice(0, 2)) await connection.close()
    const list = async (query: Parameters<typeof admin.presence.list>[0]) => {
      const ids: string[] = []
      for await (const { principal } of admin.presence.list(query)) ids.push(principal)
      return ids
    }
    const all = await list({ pageSize: 2 })
    expect(new Set(all).size).toBe(6) // five things, and the admin who asks
    expect(await list({ connected: true, pageSize: 1 })).toHaveLength(3)
    expect(await list({ connected: false, pageSize: 2 })).toEqual([...all.slice(0, 2), all[5]])
    await expect(hub.control.presence.list({ limit: 0 })).rejects.toMatchObject({ code: 'invalid-argument' })
    await expect(hub.control.presence.list({ cursor: 'x' })).rejects.toMatchObject({ code: 'invalid-argument' })
  })

  it('remembers so many who are away, and counts whom it forgets', async () => {
    const { thing, connect, hub, counter } = await startSite({ limits: { presencesMax: 2 } })
    for (const name of ['a', 'b', 'c']) await (await connect(await thing(name))).close()
    const staying = await connect(await thing('d'))
    expect((await hub.control.presence.list()).items).toHaveLength(3)
    expect((await hub.control.presence.get('a')).lastSeenAtMs).toBe(undefined)
    expect((await hub.control.presence.get('d')).connections).toHaveLength(1)
    expect(counter('thingmesh_presences_forgotten_total')).toBe(1)
    await staying.close()
  })

  it('is for a control scope, within the domain, and ends with the token', async () => {
    const { thing, connect, url, hub, follow, admin } = await startSite()
    const secret = await thing('sensor')
    await connect(secret)
    const status = async (authorization: string) =>
      (await fetch(`${url}/api/v1/presence`, { headers: { authorization } })).status
    expect(await status(`Thing ${secret}`)).toBe(403)
    const reading = await hub.control.tokens.create({ name: 'looks', scope: 'read' })
    expect(await status(`Bearer ${reading.secret}`)).toBe(200)
    const narrow = await hub.control.tokens.create({ name: 'narrow', scope: { channels: ['telemetry'] } })
    expect(await status(`Bearer ${narrow.secret}`)).toBe(403)
    const other = await hub.control.domains.create({ name: randomUUID() })
    const there = createAdmin(url, { token: other.token.secret })
    const items: Presence[] = []
    for await (const item of there.presence.list()) items.push(item)
    expect(items.map(({ kind }) => kind)).toEqual(['user'])
    expect(await there.me()).toMatchObject({ domain: other.id, control: 'admin' })
    const { ended } = await follow(createAdmin(url, { token: reading.secret }))
    await hub.control.tokens.revoke(reading.id)
    await expect(ended).rejects.toMatchObject({ code: 'unauthenticated' })
    expect(await admin.me()).toMatchObject({ control: 'admin' })
  })

  it('is not seen by who failed to prove himself', async () => {
    const { thing, dial, hub } = await startSite()
    await thing('sensor')
    await expect(dial('sensor', 'wrong', 'c1')).rejects.toThrow()
    expect((await hub.control.presence.list()).items).toEqual([])
  })

  it('ends for who follows within the process when the hub stops', async () => {
    const { hub } = await startSite()
    const updates: PresenceUpdate[] = []
    const following = (async () => {
      const { signal } = new AbortController()
      for await (const update of hub.control.presence.follow({ signal })) updates.push(update)
    })()
    await vi.waitFor(() => expect(updates).toHaveLength(1))
    await hub.stop()
    await following
  })
})
