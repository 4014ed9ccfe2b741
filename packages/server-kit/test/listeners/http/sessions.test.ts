import { ThingmeshError } from '@thingmesh/core'
import { afterEach, describe, expect, it, vi } from 'vitest'
import { openSessions } from '../../../src/listeners/http/sessions.ts'
import { asAdmin, asThing, caller } from './caller.ts'
import { fakeHub, secrets } from './fake-hub.ts'
import { gate } from './gate.ts'

const here = { address: '192.0.2.1' }
const options = { sessionsMax: 2, sessionIdleMs: 60_000 }

afterEach(() => {
  vi.useRealTimers()
})

describe('sessions between requests', () => {
  it('are shared by requests of one credential and address, and by nobody else', async () => {
    const call = caller()
    for (let i = 0; i < 3; i++) await call('GET', '/api/v1/me', { authorization: asThing, peer: here })
    expect(call.hub.opened.length).toBe(1)
    await call('GET', '/api/v1/me', { authorization: asThing, peer: { address: '192.0.2.2' } })
    const admin = await call('GET', '/api/v1/me', { authorization: asAdmin, peer: here })
    expect(admin.json.id).toBe('user:1')
    expect(call.hub.opened.length).toBe(3)
  })

  it('are opened once for a burst, and not kept where opening fails', async () => {
    const hub = fakeHub()
    const sessions = openSessions(hub, options)
    const opening = gate()
    let opens = 0
    hub.beforeOpen = async () => {
      opens++
      await opening.opened
    }
    const burst = [1, 2, 3].map(() => sessions.lease(asThing, here))
    const refused = [1, 2].map(() => sessions.lease('Thing wrong', here))
    opening.open()
    const leases = await Promise.all(burst)
    expect(new Set(leases.map(({ session }) => session)).size).toBe(1)
    for (const result of await Promise.allSettled(refused)) expect(result.status).toBe('rejected')
    expect(opens).toBe(2)
    await expect(sessions.lease('Thing wrong', here)).rejects.toMatchObject({ code: 'unauthenticated' })
    expect([opens, sessions.size]).toEqual([3, 1])
  })

  it('end with the key that opened them', async () => {
    const call = caller()
    expect((await call('GET', '/api/v1/me', { authorization: asThing })).status).toBe(200)
    call.hub.revoke(secrets.thing)
    expect((await call('POST', '/channels/a/messages', { authorization: asThing, body: 'x' })).status).toBe(401)
    expect(call.hub.opened.length).toBe(1)
  })

  it('that the hub ends while they open are not handed out', async () => {
    const hub = fakeHub()
    const ended = new ThingmeshError('unauthenticated', 'revoked meanwhile')
    hub.beforeOpen = async hello => hello.outlet?.close(ended)
    await expect(openSessions(hub, options).lease(asThing, here)).rejects.toBe(ended)
  })

  it('are bounded: the one used longest ago goes, one in use never', async () => {
    const hub = fakeHub()
    const sessions = openSessions(hub, options)
    const lease = (last: number) => sessions.lease(asThing, { address: `192.0.2.${last}` })
    const [first, second] = [await lease(1), await lease(2)]
    const third = await lease(3)
    expect([sessions.size, hub.opened.length]).toEqual([2, 3])
    third.release()
    expect(hub.opened.map(({ closedAs }) => closedAs)).toEqual([undefined, undefined, 'farewell'])
    second.release()
    first.release()
    ;(await lease(1)).release()
    ;(await lease(4)).release()
    expect(hub.opened.map(({ closedAs }) => closedAs)).toEqual([undefined, 'farewell', 'farewell', undefined])
  })

  it('are closed when nobody came for a while', async () => {
    vi.useFakeTimers()
    const hub = fakeHub()
    const sessions = openSessions(hub, options)
    const idle = await sessions.lease(asThing, here)
    const busy = await sessions.lease(asAdmin, here)
    idle.release()
    await vi.advanceTimersByTimeAsync(59_000)
    expect(sessions.size).toBe(2)
    await vi.advanceTimersByTimeAsync(32_000)
    expect(hub.opened.map(({ closedAs }) => closedAs)).toEqual(['farewell', undefined])
    busy.release()
    await vi.advanceTimersByTimeAsync(120_000)
    expect(sessions.size).toBe(0)
    expect(vi.getTimerCount()).toBe(0)
  })

  it('say farewell on close, those in use as soon as they are not', async () => {
    const hub = fakeHub()
    const sessions = openSessions(hub, options)
    const used = await sessions.lease(asThing, here)
    ;(await sessions.lease(asAdmin, here)).release()
    await sessions.close()
    expect(hub.opened.map(({ closedAs }) => closedAs)).toEqual([undefined, 'farewell'])
    used.release()
    expect(hub.opened[0]!.closedAs).toBe('farewell')
    const late = await sessions.lease(asThing, here)
    late.release()
    expect([sessions.size, hub.opened[2]!.closedAs]).toEqual([0, 'farewell'])
  })
})
