import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { Cursors } from '../../src/pipeline/cursors.ts'
import { Lineage } from '../../src/pipeline/lineage.ts'

const log = fc.record({ origin: fc.string({ minLength: 1 }), epoch: fc.string({ minLength: 1 }) })
const sequence = fc.maxSafeNat()

function cursorsOf(id: { readonly origin: string; readonly epoch: string }, last = Number.MAX_SAFE_INTEGER): Cursors {
  const cursors = new Cursors(() => last)
  cursors.start(new Lineage(id.origin, [{ epoch: id.epoch, first: 0 }]))
  return cursors
}

const invalid = expect.objectContaining({ code: 'invalid-argument' })

describe('cursors', () => {
  it('are made as the documents show them', () => {
    expect(cursorsOf({ origin: 'hub', epoch: 'e' }).toCursor(42)).toBe('104f3861e7ba.42')
  })

  it('are read back where they were made, and wherever the same log is', () => {
    fc.assert(
      fc.property(log, sequence, (id, n) => {
        const cursor = cursorsOf(id).toCursor(n)
        expect([encodeURIComponent(cursor), cursor.length <= 29]).toEqual([cursor, true])
        expect([cursorsOf({ ...id }).parse(cursor), cursorsOf({ ...id }).parseAfter(cursor)]).toEqual([n, n])
      }),
    )
  })

  it('are refused by every other log, one that differs in its origin alone or its epoch alone too', () => {
    fc.assert(
      fc.property(log, log, sequence, (id, other, n) => {
        const cursor = cursorsOf(id).toCursor(n)
        for (const one of [other, { ...other, origin: id.origin }, { ...other, epoch: id.epoch }]) {
          if (one.origin === id.origin && one.epoch === id.epoch) continue
          expect(() => cursorsOf(one).parse(cursor)).toThrow(invalid)
          expect(() => cursorsOf(one).parseAfter(cursor)).toThrow(invalid)
        }
      }),
    )
  })

  it('lie no further than the log has come, where it is to be read on behind them', () => {
    fc.assert(
      fc.property(log, fc.nat(1_000), fc.nat(1_000), (id, last, n) => {
        const cursors = cursorsOf(id, last)
        const cursor = cursors.toCursor(n)
        expect(cursors.parse(cursor)).toBe(n)
        if (n <= last) expect(cursors.parseAfter(cursor)).toBe(n)
        else expect(() => cursors.parseAfter(cursor)).toThrow(invalid)
      }),
    )
  })

  it('are no other text', () => {
    const cursors = cursorsOf({ origin: 'hub', epoch: 'e' })
    fc.assert(
      fc.property(fc.oneof(fc.string(), fc.stringMatching(/^[0-9a-f.]{0,20}$/), fc.nat().map(String)), text => {
        fc.pre(text !== '0')
        expect(() => cursors.parse(text)).toThrow(invalid)
      }),
    )
  })
})
