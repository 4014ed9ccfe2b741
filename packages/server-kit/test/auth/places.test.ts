import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { openPlaces } from '../../src/auth/places.ts'

const limits = { connectionsMax: 100, connectionsPerAddressMax: 2 }

describe('places', () => {
  it.each([
    ['an IPv4 address', '192.0.2.1', '192.0.2.1', '192.0.2.2'],
    ['an IPv4 address, told over a socket for both families', '192.0.2.1', '::ffff:192.0.2.1', '::ffff:192.0.2.2'],
    ['the /64 of an IPv6 address', '2001:db8:0:7::1', '2001:db8:0:7:ffff::2', '2001:db8:0:8::1'],
    ['the link of a link-local address', 'fe80::1%eth0', 'fe80::2%eth0', '2001:db8::1'],
  ])('are counted by %s', (_what, first, second, another) => {
    const places = openPlaces(limits)
    const giveBack = places.take(first)
    places.take(second)
    expect(places.take(first)).toBe('connections-per-address')
    expect(places.take(second)).toBe('connections-per-address')
    expect(places.take(another)).toBeTypeOf('function')
    ;(giveBack as () => void)()
    expect(places.take(second)).toBeTypeOf('function')
  })

  it('are as many as the limits, whoever comes and goes', () => {
    const blocks = ['192.0.2.1', '192.0.2.2', '2001:db8::1', '2001:db8:1::1']
    const step = fc.record({ from: fc.constantFrom(...blocks), comes: fc.boolean() })
    fc.assert(
      fc.property(fc.array(step, { maxLength: 100 }), steps => {
        const places = openPlaces({ connectionsMax: 5, connectionsPerAddressMax: 2 })
        const held = new Map<string, (() => void)[]>(blocks.map(block => [block, []]))
        const total = () => [...held.values()].flat().length
        for (const { from, comes } of steps) {
          const here = held.get(from)!
          if (!comes) {
            here.pop()?.()
            continue
          }
          const place = places.take(from)
          if (here.length === 2) expect(place).toBe('connections-per-address')
          else if (total() === 5) expect(place).toBe('connections')
          else here.push(place as () => void)
          expect(places.taken).toBe(total())
        }
      }),
    )
  })
})
