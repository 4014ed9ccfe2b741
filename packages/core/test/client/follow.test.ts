import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { backoffMs, defaultBackoff } from '../../src/client/backoff.ts'
import { connectHttp, type FollowOptions } from '../../src/client/index.ts'
import type { ThingmeshError } from '../../src/errors/index.ts'
import { type Answer, rejection, scriptedServer, wireMessage } from './scripted-server.ts'

const quick: FollowOptions = { backoff: { firstMs: 1, maxMs: 2 } }
const page = (...sequences: number[]): Answer => ({
  json: { messages: sequences.map(n => wireMessage(n)), next: `c${sequences.at(-1) ?? 0}`, complete: true },
})

describe('following over http', () => {
  it('starts from now, and goes on from cursor to cursor', async () => {
    const answers = [page(5), page(6, 7), page(8)]
    await using server = await scriptedServer((_request, index) => answers[index] ?? { silent: true })
    const ids: string[] = []
    for await (const message of connectHttp(server.url, { key: 'k' }).follow('telemetry/#', quick)) {
      ids.push(message.id)
      if (ids.length === 3) break
    }
    expect(ids).toEqual(['hub.epoch.6', 'hub.epoch.7', 'hub.epoch.8'])
    expect(server.seen.map(request => Object.fromEntries(request.query))).toEqual([
      { last: '1' },
      { after: 'c5', wait: '25' },
      { after: 'c7', wait: '25' },
    ])
  })

  it('neither loses nor repeats over broken connections and refusals that pass', async () => {
    const answers: Answer[] = [
      page(1),
      { hangUp: true },
      { status: 503, json: { error: { code: 'unavailable', message: 'stopping' } } },
      page(2, 3),
      { status: 429, json: { error: { code: 'rate-limited', message: 'slow down' } } },
      page(4),
    ]
    await using server = await scriptedServer((_request, index) => answers[index] ?? { silent: true })
    const retries: string[] = []
    const ids: string[] = []
    const following = connectHttp(server.url, { key: 'k' }).follow('telemetry/#', {
      ...quick,
      after: 'c0',
      onRetry: error => retries.push(error.code),
    })
    for await (const message of following) {
      ids.push(message.cursor)
      if (ids.length === 4) break
    }
    expect(ids).toEqual(['c1', 'c2', 'c3', 'c4'])
    expect(retries).toEqual(['unavailable', 'unavailable', 'rate-limited'])
    expect(server.seen.map(request => request.query.get('after'))).toEqual(['c0', 'c1', 'c1', 'c1', 'c3', 'c3'])
  })

  it('gives up on what will not pass', async () => {
    await using server = await scriptedServer(() => ({
      status: 403,
      json: { error: { code: 'permission-denied', message: 'no grant to read telemetry/#' } },
    }))
    const following = connectHttp(server.url, { key: 'k' }).follow('telemetry/#', { ...quick, after: 'c0' })
    expect(await rejection(following.next())).toMatchObject({ code: 'permission-denied', outcome: 'rejected' })
    expect(server.seen).toHaveLength(1)
  })

  it('ends without an error when the caller aborts, in the middle of a poll or of a pause', async () => {
    for (const answer of [{ silent: true }, { hangUp: true }]) {
      const caller = new AbortController()
      await using server = await scriptedServer(() => answer)
      const client = connectHttp(server.url, { key: 'k' })
      const options = { after: 'c0', signal: caller.signal, backoff: { firstMs: 600_000, maxMs: 600_000 } }
      const ended = client.follow('telemetry/#', { ...options, onRetry: () => caller.abort() }).next()
      if (answer.silent === true) caller.abort()
      expect(await ended).toEqual({ done: true, value: undefined })
    }
  })

  it('ends when the client is closed', async () => {
    await using server = await scriptedServer(() => ({ silent: true }))
    const client = connectHttp(server.url, { key: 'k' })
    const ended = client.follow('telemetry/#', { after: 'c0' }).next()
    client.close()
    expect(await ended).toEqual({ done: true, value: undefined })
  })

  it('waits as long as the hub asks before it tries again', async () => {
    const caller = new AbortController()
    const told: { error: ThingmeshError; delayMs: number }[] = []
    await using server = await scriptedServer(() => ({ status: 503, headers: { 'retry-after': '120' } }))
    const following = connectHttp(server.url, { key: 'k' }).follow('telemetry/#', {
      ...quick,
      after: 'c0',
      signal: caller.signal,
      onRetry: (error, delayMs) => {
        told.push({ error, delayMs })
        caller.abort()
      },
    })
    expect(await following.next()).toEqual({ done: true, value: undefined })
    expect(told).toMatchObject([{ error: { code: 'unavailable' }, delayMs: 120_000 }])
  })

  it('looks on at once through pages that hold nothing and are not the end', async () => {
    const through: Answer = { json: { messages: [], next: 'c100', complete: false } }
    const answers = [through, page(101)]
    await using server = await scriptedServer((_request, index) => answers[index] ?? { silent: true })
    const following = connectHttp(server.url, { key: 'k' }).follow('telemetry/#', { after: 'c0' })
    expect((await following.next()).value).toMatchObject({ cursor: 'c101' })
    expect(server.seen.map(request => request.query.get('after'))).toEqual(['c0', 'c100'])
  })
})

describe('back-off', () => {
  it('never waits longer than a timer runs, which would not wait at all', () => {
    expect(backoffMs(1, defaultBackoff, 999_999_999)).toBe(2_147_483_647)
  })

  it('doubles to its maximum, keeps half of it, and never waits less than the hub asks', () => {
    fc.assert(
      fc.property(
        fc.integer({ min: 1, max: 10_000 }),
        fc.double({ min: 0, max: 1, maxExcluded: true, noNaN: true }),
        fc.integer({ min: 0, max: 60 }),
        (failures, random, retryAfterSeconds) => {
          const delay = backoffMs(failures, defaultBackoff, retryAfterSeconds, () => random)
          const ceiling = Math.min(defaultBackoff.maxMs, defaultBackoff.firstMs * 2 ** (failures - 1))
          expect(delay).toBeGreaterThanOrEqual(Math.max(retryAfterSeconds * 1000, Math.floor(ceiling / 2)))
          expect(delay).toBeLessThanOrEqual(Math.max(retryAfterSeconds * 1000, ceiling))
        },
      ),
    )
  })
})
