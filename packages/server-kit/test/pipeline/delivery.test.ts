import fc from 'fast-check'
import { describe, expect, it, vi } from 'vitest'
import type { MemoryConnection } from '../../src/listeners/memory/index.ts'
import { bytes, startHub, take, textOf } from '../support/hub.ts'

const numbers = (from: number, to: number) => Array.from({ length: to - from }, (_, i) => String(from + i))

async function publishAll(writer: MemoryConnection, texts: readonly string[], topic = 'telemetry/a'): Promise<void> {
  await Promise.all(texts.map(text => writer.publish(topic, bytes(text))))
}

describe('a session that does not keep up', () => {
  it('is fed from the log, loses nothing, and holds a bounded queue meanwhile', async () => {
    const { hub, thing, connect, counter } = await startHub({
      limits: { queueMessagesMax: 50, queueBytesMax: 50_000, queuesBytesMax: 100_000 },
    })
    const secret = await thing('sensor')
    const slow = await connect(secret, { queueMax: 10 })
    await slow.subscribe('telemetry/#')
    const fast = await connect(secret)
    await fast.subscribe('telemetry/#')
    const texts = numbers(0, 5_000)
    const [seen] = await Promise.all([take(fast, 5_000), publishAll(await connect(secret), texts)])
    expect(seen.map(textOf)).toEqual(texts)
    expect(counter('thingmesh_sessions_behind_total')).toBeGreaterThan(0)
    expect(counter('thingmesh_queues_bytes')).toBeLessThan(1_000_000)
    expect((await take(slow, 5_000)).map(textOf)).toEqual(texts)
    await vi.waitFor(() => expect(counter('thingmesh_queues_bytes')).toBe(0))
    // Caught up: what comes now comes live.
    await publishAll(fast, ['last'])
    expect((await take(slow, 1)).map(textOf)).toEqual(['last'])
    expect(hub.ingress.health().status).toBe('pass')
  })

  it('takes no more un-acknowledged deliveries than it asked for', async () => {
    const { thing, connect } = await startHub()
    const secret = await thing('sensor')
    const reader = await connect(secret, { windowMax: 3 })
    await reader.subscribe('telemetry/#')
    await publishAll(reader, numbers(0, 20))
    expect(reader.waiting).toBe(3)
    expect((await take(reader, 20)).map(textOf)).toEqual(numbers(0, 20))
  })

  it('does not see at-most-once messages that it had no room for, and they are counted', async () => {
    const { thing, connect, counter } = await startHub()
    const secret = await thing('sensor')
    const reader = await connect(secret, { queueMax: 5 })
    await reader.subscribe('telemetry/#')
    for (const text of numbers(0, 20)) await reader.publish('telemetry/a', bytes(text), { delivery: 'at-most-once' })
    expect((await take(reader, 5)).map(textOf)).toEqual(numbers(0, 5))
    expect(counter('thingmesh_messages_dropped_total', { reason: 'slow-reader' })).toBe(15)
  })
})

describe('a session that is away', () => {
  it('is given everything since, in order, across several absences', async () => {
    const { thing, connect } = await startHub()
    const secret = await thing('sensor')
    const writer = await connect(secret)
    const options = { clientId: 'reader', expiresInSeconds: 60 }
    const first = await connect(secret, options)
    expect(first.resumed).toBe(false)
    await first.subscribe('telemetry/#')
    await first.close()
    await publishAll(writer, numbers(0, 300))
    const second = await connect(secret, options)
    expect(second.resumed).toBe(true)
    const got = await take(second, 100)
    await second.close()
    await publishAll(writer, numbers(300, 400))
    const third = await connect(secret, options)
    // The last message taken was not acknowledged before the close: it comes again.
    const rest = await take(third, 301)
    expect(got.map(textOf)).toEqual(numbers(0, 100))
    expect(rest.map(textOf)).toEqual(numbers(99, 400))
  })

  it('gets nothing older than its subscription', async () => {
    const { thing, connect } = await startHub()
    const secret = await thing('sensor')
    const writer = await connect(secret)
    const options = { clientId: 'reader', expiresInSeconds: 60 }
    const reader = await connect(secret, options)
    await reader.subscribe('telemetry/a')
    await reader.close()
    await publishAll(writer, ['b0'], 'telemetry/b')
    await publishAll(writer, ['a0'], 'telemetry/a')
    const back = await connect(secret, options)
    await back.subscribe('telemetry/b')
    await publishAll(writer, ['b1'], 'telemetry/b')
    expect((await take(back, 2)).map(textOf).sort()).toEqual(['a0', 'b1'])
  })

  it('ends when its time is over, or with a clean start', async () => {
    const { thing, connect } = await startHub()
    const secret = await thing('sensor')
    const options = { clientId: 'reader', expiresInSeconds: 60 }
    const reader = await connect(secret, options)
    await reader.subscribe('telemetry/#')
    await reader.close()
    const clean = await connect(secret, { ...options, cleanStart: true })
    expect(clean.resumed).toBe(false)
    await clean.close()
    const short = await connect(secret, { clientId: 'reader' })
    expect(short.resumed).toBe(true)
    await short.close()
    expect((await connect(secret, { clientId: 'reader' })).resumed).toBe(false)
  })

  it('is taken over by the same principal, and never by another', async () => {
    const { thing, connect } = await startHub()
    const one = await thing('one')
    const other = await thing('other')
    const options = { clientId: 'same', expiresInSeconds: 60 }
    const mine = await connect(one, options)
    await mine.subscribe('telemetry/#')
    const theirs = await connect(other, options)
    expect(theirs.resumed).toBe(false)
    await publishAll(theirs, ['x'])
    expect((await take(mine, 1)).map(textOf)).toEqual(['x'])
    const again = await connect(one, options)
    expect(again.resumed).toBe(true)
    await expect(take(mine, 1)).rejects.toMatchObject({ code: 'conflict' })
  })
})

describe('last values', () => {
  it('are sent to new subscriptions, page by page, as far as rights go, and once', async () => {
    const { hub, thing, connect } = await startHub()
    const writer = await connect(await thing('sensor'))
    await Promise.all(numbers(0, 700).map(text => writer.publish(`telemetry/${text}/v`, bytes(text), { retain: true })))
    await writer.publish('telemetry/7/v', new Uint8Array(0), { retain: true })
    const secret = await thing('reader', [])
    await hub.control.grants.create({ thing: 'reader', channel: 'telemetry', actions: ['subscribe'], pattern: '+/v' })
    const reader = await connect(secret)
    await reader.subscribe('#')
    const values = await take(reader, 699)
    expect(new Set(values.map(textOf))).toEqual(new Set(numbers(0, 700).filter(text => text !== '7')))
    expect(values.every(({ retain }) => retain)).toBe(true)
    expect(reader.waiting).toBe(0)
  })

  it('are bounded in number and size, before anything is accepted', async () => {
    const { thing, connect, counter } = await startHub({ limits: { retainedPerDomainMax: 2, retainedBytesMax: 10 } })
    const writer = await connect(await thing('sensor'))
    const retain = (topic: string, size: number) => writer.publish(topic, new Uint8Array(size), { retain: true })
    await retain('telemetry/1', 1)
    await retain('telemetry/2', 1)
    await expect(retain('telemetry/3', 1)).rejects.toMatchObject({ code: 'rate-limited' })
    await expect(retain('telemetry/1', 11)).rejects.toMatchObject({ code: 'too-large' })
    await retain('telemetry/1', 10)
    await retain('telemetry/2', 0)
    await retain('telemetry/3', 1)
    expect(counter('thingmesh_refused_total', { limit: 'retained-count' })).toBe(1)
    expect(counter('thingmesh_refused_total', { limit: 'retained-size' })).toBe(1)
  })
})

describe('at least once', () => {
  type Step = { do: 'publish'; count: number } | { do: 'take'; count: number } | { do: 'leave' }
  const step: fc.Arbitrary<Step> = fc.oneof(
    fc.record({ do: fc.constant('publish' as const), count: fc.integer({ min: 1, max: 120 }) }),
    fc.record({ do: fc.constant('take' as const), count: fc.integer({ min: 1, max: 80 }) }),
    fc.constant({ do: 'leave' as const }),
  )

  it('holds under any mix of publishing, reading, leaving and coming back', async () => {
    await fc.assert(
      fc.asyncProperty(fc.array(step, { maxLength: 25 }), async steps => {
        const { hub, thing, connect } = await startHub({ limits: { queueMessagesMax: 16, windowMax: 8 } })
        const secret = await thing('sensor')
        const writer = await connect(secret)
        const options = { clientId: 'reader', expiresInSeconds: 60, queueMax: 20 }
        let reader = await connect(secret, options)
        await reader.subscribe('telemetry/#')
        let published = 0
        /** The next one that was never seen. */
        let expected = 0
        const check = (text: string) => {
          const number = Number(text)
          // Repeats are allowed, gaps are not.
          expect(number).toBeLessThanOrEqual(expected)
          expected = Math.max(expected, number + 1)
        }
        for (const one of steps) {
          if (one.do === 'publish') {
            await publishAll(writer, numbers(published, published + one.count))
            published += one.count
          } else if (one.do === 'take') {
            const count = Math.min(one.count, published - expected)
            for (const message of await take(reader, count)) check(textOf(message))
          } else {
            await reader.close()
            reader = await connect(secret, options)
          }
        }
        while (expected < published) check(textOf((await take(reader, 1))[0]!))
        await hub.stop()
      }),
      { numRuns: 60 },
    )
  })
})
