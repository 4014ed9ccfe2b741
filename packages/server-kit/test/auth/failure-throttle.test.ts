import { isThingmeshError } from '@thingmesh/core'
import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { type FailureThrottleOptions, failureThrottle } from '../../src/auth/index.ts'

const minute = 60_000

const start = (options: FailureThrottleOptions = {}) => {
  const clock = { now: 0 }
  const throttle = failureThrottle({ nowMs: () => clock.now, ...options })
  /** Seconds to wait; 0 where it may go on. */
  const wait = (address: string, identity?: string): number => {
    try {
      throttle.check(address, identity)
      return 0
    } catch (error) {
      if (!isThingmeshError(error) || error.code !== 'rate-limited') throw error
      return error.retryAfterSeconds ?? Number.NaN
    }
  }
  const fail = (times: number, address: string, identity?: string) => {
    for (let i = 0; i < times; i++) throttle.failed(address, identity)
  }
  return { clock, throttle, wait, fail }
}

describe('failed attempts', () => {
  it('of one identity are ten a minute, and nobody else’s concern', () => {
    const { wait, fail } = start()
    fail(9, '192.0.2.1', 'sensor')
    expect(wait('192.0.2.1', 'sensor')).toBe(0)
    fail(1, '192.0.2.1', 'sensor')
    expect(wait('192.0.2.1', 'sensor')).toBe(60)
    expect(wait('192.0.2.1', 'other')).toBe(0)
    expect(wait('192.0.2.1')).toBe(0)
    // The owner, elsewhere, is not locked out.
    expect(wait('192.0.2.2', 'sensor')).toBe(0)
  })

  it('from one address are sixty a minute, whoever it claims to be', () => {
    const { wait, throttle, fail } = start()
    for (let i = 0; i < 59; i++) fail(1, '192.0.2.1', `thing-${i}`)
    expect(wait('192.0.2.1')).toBe(0)
    fail(1, '192.0.2.1')
    expect(wait('192.0.2.1')).toBe(60)
    expect(wait('192.0.2.1', 'anybody')).toBe(60)
    expect(wait('192.0.2.2', 'anybody')).toBe(0)
    expect(() => throttle.check('192.0.2.1', 'anybody')).toThrowError(
      expect.objectContaining({ code: 'rate-limited', details: { limit: 'perAddressPerMinute', max: 60 } }),
    )
  })

  it('are counted by the minute', () => {
    const { clock, wait, fail } = start()
    fail(9, 'a', 'x')
    clock.now += minute
    fail(9, 'a', 'x')
    expect(wait('a', 'x')).toBe(0)
    fail(1, 'a', 'x')
    expect(wait('a', 'x')).toBe(60)
  })

  it('are delayed ever longer, to fifteen minutes, until it has been quiet as long', () => {
    const { clock, wait, fail } = start()
    for (const seconds of [60, 120, 240, 480, 900, 900]) {
      fail(10, 'a', 'x')
      expect(wait('a', 'x')).toBe(seconds)
      clock.now += seconds * 1000 - 1
      expect(wait('a', 'x')).toBe(1)
      clock.now += 1
      expect(wait('a', 'x')).toBe(0)
    }
    clock.now += 15 * minute
    fail(10, 'a', 'x')
    expect(wait('a', 'x')).toBe(60)
  })

  it('that were under way when the delay began do not lengthen it', () => {
    const { wait, fail } = start()
    fail(50, 'a', 'x')
    expect(wait('a', 'x')).toBe(60)
  })

  it('are forgotten when the identity succeeds, but the address’s are not', () => {
    const { throttle, wait, fail } = start()
    fail(9, 'a', 'x')
    throttle.succeeded('a', 'x')
    fail(9, 'a', 'x')
    expect(wait('a', 'x')).toBe(0)
    for (let i = 0; i < 42; i++) {
      fail(1, 'a', `guess-${i}`)
      throttle.succeeded('a', 'x')
    }
    throttle.succeeded('a')
    expect(wait('a', 'x')).toBe(60)
  })

  it('from one IPv6 network count as one', () => {
    const { wait, fail } = start()
    for (let i = 0; i < 60; i++) fail(1, `2001:db8:0:1::${i.toString(16)}`)
    expect(wait('2001:db8:0:1:ffff:1:2:3')).toBe(60)
    expect(wait('2001:DB8::1:0:0:0:9')).toBe(60)
    expect(wait('2001:db8:0:2::1')).toBe(0)
    expect(wait('2001:db8::1')).toBe(0)
    fail(60, '::ffff:192.0.2.9')
    expect(wait('192.0.2.9')).toBe(60)
    expect(wait('192.0.2.8')).toBe(0)
    fail(60, 'fe80::1%eth0')
    expect(wait('fe80::2%eth0')).toBe(60)
  })
})

describe('what is remembered', () => {
  it('is bounded: the longest quiet goes first', () => {
    const { throttle, wait, fail } = start({ entriesMax: 3 })
    fail(10, 'a', 'first')
    fail(10, 'a', 'second')
    fail(10, 'a', 'third')
    fail(10, 'a', 'fourth')
    expect(['first', 'second', 'third', 'fourth'].map(identity => wait('a', identity))).toEqual([0, 60, 60, 60])
    for (let i = 0; i < 100; i++) fail(1, `192.0.2.${i}`, 'x'.repeat(100_000) + i)
    expect(throttle.size).toBe(6)
  })

  it('goes when it is over', () => {
    const { clock, throttle, wait, fail } = start()
    for (let i = 0; i < 100; i++) fail(1, `192.0.2.${i}`, 'x')
    fail(10, 'blocked', 'x')
    expect(throttle.size).toBe(202)
    clock.now += minute
    expect(wait('elsewhere', 'x')).toBe(0)
    expect(throttle.size).toBe(1)
    clock.now += 15 * minute
    expect(wait('elsewhere', 'x')).toBe(0)
    expect(throttle.size).toBe(0)
  })

  it('never lets more than the limit fail in a minute, whatever the pattern', () => {
    fc.assert(
      fc.property(fc.array(fc.nat(20_000), { maxLength: 200 }), gaps => {
        const { clock, throttle, wait } = start()
        const failures: number[] = []
        for (const gap of gaps) {
          clock.now += gap
          if (wait('a', 'x') > 0) continue
          throttle.failed('a', 'x')
          failures.push(clock.now)
        }
        // Minutes are counted from their first failure, so that any minute at all overlaps two of them.
        for (const from of failures) {
          const within = failures.filter(at => at >= from && at < from + minute)
          expect(within.length).toBeLessThan(20)
        }
      }),
    )
  })
})
