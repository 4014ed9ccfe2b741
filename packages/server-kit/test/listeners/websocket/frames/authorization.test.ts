import { describe, expect, it, vi } from 'vitest'
import type { Authenticate } from '../../../../src/contracts/index.ts'
import { take, textOf } from '../../../support/hub.ts'
import { dialFrames, type FramesSite, json, startFrames } from './fixture.ts'

const path = 'telemetry/messages/a'
const offer = (authorization: string) => `thingmesh.authorization.${Buffer.from(authorization).toString('base64url')}`

async function statusOf(site: FramesSite, options: Parameters<typeof dialFrames>[2], to = path): Promise<number> {
  const { webSocket } = dialFrames(site.port, to, options)
  return new Promise(resolve => {
    webSocket.on('open', () => resolve(101))
    webSocket.on('unexpected-response', (_request, response) => resolve(response.statusCode ?? 0))
  })
}

describe('who is on a WebSocket for messages', () => {
  it('is told by the header, or by what a browser can say in its place', async () => {
    const site = await startFrames()
    const key = await site.thing('sensor')
    const other = await site.connect(await site.thing('other'))
    await other.subscribe('telemetry/#')
    const basic = `Basic ${Buffer.from(`sensor:${key}`).toString('base64')}`
    const { secret } = await site.hub.control.tokens.create({ name: 'page', scope: { channels: ['telemetry'] } })
    const ways: readonly (readonly [string, Parameters<typeof dialFrames>[2]])[] = [
      ['thing', { headers: { authorization: `Thing ${key}` } }],
      ['thing', { headers: { authorization: basic } }],
      ['user', { headers: { authorization: `Bearer ${secret}` } }],
      ['thing', { subprotocols: ['thingmesh.plain.v1', offer(`Thing ${key}`)] }],
      ['thing', { subprotocols: [offer(basic), 'thingmesh.plain.v1'] }],
      ['user', { subprotocols: ['thingmesh.plain.v1', offer(`Bearer ${secret}`)] }],
      // The header goes first.
      ['thing', { subprotocols: ['thingmesh.plain.v1', offer('Thing wrong')], headers: { authorization: basic } }],
    ]
    for (const [kind, options] of ways) {
      const peer = await site.open(`${path}?qos=0`, options)
      // What is shown is not said again.
      expect(['', 'thingmesh.plain.v1']).toContain(peer.webSocket.protocol)
      peer.webSocket.send('x')
      expect((await take(other, 1))[0]!.publisher.split(':')[0]).toBe(kind)
      await peer.close()
    }
  })

  it.each([
    ['nothing', {}],
    ['a wrong key', { headers: { authorization: 'Thing wrong' } }],
    ['a scheme that is not known', { headers: { authorization: 'Digest x' } }],
    ['an offer that is no base64url', { subprotocols: ['thingmesh.plain.v1', 'thingmesh.authorization.*'] }],
    ['an empty offer', { subprotocols: ['thingmesh.plain.v1', 'thingmesh.authorization.'] }],
    ['an offer of nothing', { subprotocols: ['thingmesh.plain.v1', offer(' ')] }],
  ])('with %s is nobody, and is heard in nothing', async (_, options) => {
    const site = await startFrames()
    const other = await site.connect(await site.thing('other'))
    await other.subscribe('telemetry/#')
    const peer = await site.open(path, options)
    peer.webSocket.send('forged')
    const [code, reason] = await peer.end
    expect(code).toBe(4401)
    expect(reason).not.toMatch(/wrong|digest/i)
    await other.publish('telemetry/b', 'true')
    expect((await take(other, 1)).map(textOf)).toEqual(['true'])
    await vi.waitFor(() => expect(site.counter('thingmesh_frames_connections')).toBe(0))
    await site.expectUndisturbed()
  })

  it('may be told by a token in the address, if that is good for no more than an hour', async () => {
    const site = await startFrames()
    const create = async (name: string, hours: number | undefined) => {
      const expiresInSeconds = hours === undefined ? undefined : hours * 3_600
      const scope = { channels: ['telemetry'] }
      return (await site.hub.control.tokens.create({ name, scope, expiresInSeconds })).secret
    }
    const brief = await site.open(`${path}?token=${await create('brief', 0.5)}`, json)
    expect(await brief.ask({ type: 'publish', id: 1, payload: 'x' })).toMatchObject({ type: 'ack' })
    for (const token of [await create('long', 2), await create('endless', undefined), await site.thing('sensor')]) {
      expect((await (await site.open(`${path}?token=${token}`, json)).end)[0]).toBe(4401)
    }
    await vi.waitFor(() => expect(site.counter('thingmesh_sessions')).toBe(1))
  })

  it('goes when the key does, within a second', async () => {
    const site = await startFrames()
    const key = await site.thing('sensor')
    const [plain, envelope] = [await site.open(path, { key }), await site.open(path, { key, ...json })]
    await site.sessions(2)
    await envelope.ask({ type: 'subscribe', id: 1 })
    const [{ id } = { id: '' }] = await site.hub.control.keys.list('sensor')
    const startedMs = performance.now()
    await site.hub.control.keys.revoke('sensor', id)
    expect((await plain.end)[0]).toBe(4401)
    expect((await envelope.end)[0]).toBe(4401)
    expect(performance.now() - startedMs).toBeLessThan(1_000)
    expect(await envelope.fields()).toMatchObject({ type: 'error', code: 'unauthenticated' })
    await vi.waitFor(() => expect(site.counter('thingmesh_frames_connections')).toBe(0))
  })

  it('hears nothing any more from where its right has gone, live and from the log, and is told', async () => {
    const site = await startFrames()
    const key = await site.thing('sensor', [])
    const other = await site.connect(await site.thing('other'))
    const grant = await site.hub.control.grants.create({
      thing: 'sensor',
      channel: 'telemetry',
      actions: ['subscribe', 'read'],
    })
    const live = await site.open(path, { key, ...json })
    const log = await site.open(path, { key, ...json })
    expect(await live.ask({ type: 'subscribe', id: 1 })).toMatchObject({ type: 'ack' })
    expect(await log.ask({ type: 'subscribe', id: 1, after: 'now' })).toMatchObject({ type: 'ack' })
    const plain = await site.open(`${path}?after=now`, { key })
    await site.sessions(4)
    await other.publish('telemetry/a', 'one')
    for (const peer of [live, log]) expect(await peer.fields()).toMatchObject({ payload: 'one' })
    await site.hub.control.grants.remove(grant.id)
    await other.publish('telemetry/a', 'two')
    const facts = { type: 'error', pattern: 'a', code: 'permission-denied' }
    for (const peer of [live, log]) expect(await peer.fields()).toMatchObject(facts)
    // It is over, and the connection is not.
    for (const peer of [live, log]) {
      expect(await peer.ask({ type: 'unsubscribe', id: 2 })).toMatchObject({ type: 'error', id: 2, code: 'not-found' })
    }
    expect([...live.heard, ...log.heard]).toEqual([])
    expect((await plain.end)[0]).toBe(4403)
    expect((await plain.texts(plain.heard.length)).at(-1)).not.toBe('two')
  })

  it('is not waited for longer than the limit', async () => {
    const never: Authenticate = () => new Promise(() => undefined)
    const site = await startFrames({ frames: { openTimeoutMs: 200 }, hub: { authenticate: [never] } })
    const peer = await site.open(path, { headers: { authorization: 'Bearer somebody.elses.token' } })
    expect((await peer.end)[0]).toBe(4408)
    expect(site.counter('thingmesh_frames_refused_total', { limit: 'open-timeout' })).toBe(1)
  })

  it('has as many sessions as the hub lets a principal have', async () => {
    const site = await startFrames({ hub: { limits: { sessionsPerPrincipalMax: 2 } } })
    const key = await site.thing('sensor')
    await site.open(path, { key })
    await site.open(path, { key })
    await site.sessions(2)
    expect((await (await site.open(path, { key })).end)[0]).toBe(4429)
  })

  it('is refused before anything else where the page is not let in, or what is offered is not spoken', async () => {
    const site = await startFrames({ origins: ['https://app.example'] })
    const key = await site.thing('sensor')
    expect(await statusOf(site, { key, origin: 'https://evil.example' })).toBe(403)
    expect(await statusOf(site, { key, origin: 'https://app.example' })).toBe(101)
    expect(await statusOf(site, { key, subprotocols: ['mqtt'] })).toBe(400)
    // A secret is no subprotocol.
    expect(await statusOf(site, { subprotocols: [offer(`Thing ${key}`)] })).toBe(400)
    expect(await statusOf(site, { key }, '/messages')).toBe(404)
    expect(await statusOf(site, { key }, 'telemetry')).toBe(404)
    expect(await statusOf(site, { key }, 'telemetry/message')).toBe(404)
  })
})
