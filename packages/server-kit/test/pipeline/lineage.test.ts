import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import type { LogEpoch } from '../../src/contracts/index.ts'
import { Cursors } from '../../src/pipeline/cursors.ts'
import { Lineage } from '../../src/pipeline/lineage.ts'

/** Lengths of lives: how many sequences each could give out. */
const lives = fc.array(fc.integer({ min: 1, max: 20 }), { minLength: 1, maxLength: 12 })

function epochsOf(lengths: readonly number[], from: number): LogEpoch[] {
  let first = from
  return lengths.map((length, i) => {
    const epoch = { epoch: `e${i}`, first }
    first += length
    return epoch
  })
}

/** The plain way to say it: what each position is called, one after the other. */
function modelOf(epochs: readonly LogEpoch[], end: number): string[] {
  let name = epochs[0]!.epoch
  return Array.from({ length: end + 1 }, (_, position) => {
    name = epochs.find(({ first }) => first === position)?.epoch ?? name
    return name
  })
}

const invalid = expect.objectContaining({ code: 'invalid-argument' })

describe('a lineage', () => {
  it('has each position in the life that it lies in, and each life up to where the next one begins', () => {
    fc.assert(
      fc.property(lives, fc.nat(30), (lengths, from) => {
        const epochs = epochsOf(lengths, from)
        const lineage = new Lineage('hub', epochs)
        const end = epochs.at(-1)!.first + 10
        const model = modelOf(epochs, end)
        expect(model.map((_, position) => lineage.logs[lineage.indexAt(position)]!.epoch)).toEqual(model)
        for (const [index, { epoch }] of epochs.entries()) {
          const last = lineage.endOf(index)
          expect(Number.isFinite(last) ? last : end).toBe(model.lastIndexOf(epoch))
        }
        const known = model.map((epoch, position) => (position < from ? undefined : { origin: 'hub', epoch }))
        expect(known.map((_, position) => lineage.logOf(position))).toEqual(known)
      }),
    )
  })

  it('has every cursor that any of its lives gave mean the same in all later ones', () => {
    fc.assert(
      fc.property(lives, fc.integer({ min: 1, max: 12 }), (lengths, life) => {
        const epochs = epochsOf(lengths, 0)
        const end = epochs.at(-1)!.first + 10
        const then = new Cursors(() => end)
        const known = epochs.slice(0, life)
        then.start(new Lineage('hub', known))
        const now = new Cursors(() => end)
        now.start(new Lineage('hub', epochs))
        const lifeEnd = epochs[known.length]?.first ?? end
        for (let position = 0; position < lifeEnd; position++) {
          const cursor = then.toCursor(position)
          expect([now.parse(cursor), now.parseAfter(cursor), now.toCursor(position)]).toEqual([
            position,
            position,
            cursor,
          ])
        }
      }),
    )
  })

  it('has no cursor of what came after it parted from another mean anything, but for what they have in common', () => {
    fc.assert(
      fc.property(lives, lives, lives, (common, lost, kept) => {
        const shared = epochsOf(common, 0)
        const parting = shared.at(-1)!.first + common.at(-1)!
        const renamed = (prefix: string) => (one: LogEpoch) => ({ ...one, epoch: `${prefix}${one.epoch}` })
        const [gone, here] = [new Cursors(() => parting + 1_000), new Cursors(() => parting + 1_000)]
        gone.start(new Lineage('hub', [...shared, ...epochsOf(lost, parting).map(renamed('lost'))]))
        here.start(new Lineage('hub', [...shared, ...epochsOf(kept, parting).map(renamed('kept'))]))
        for (let position = 0; position < parting + 30; position++) {
          const cursor = gone.toCursor(position)
          if (position < parting) expect(here.parse(cursor)).toBe(position)
          else expect(() => here.parse(cursor)).toThrow(invalid)
        }
      }),
    )
  })

  it('refuses what its newest common life went on to give elsewhere, by name and end', () => {
    const gone = new Cursors(() => 100)
    gone.start(new Lineage('hub', [{ epoch: 'one', first: 0 }]))
    const here = new Cursors(() => 100)
    here.start(
      new Lineage('hub', [
        { epoch: 'one', first: 0 },
        { epoch: 'two', first: 50 },
      ]),
    )
    const name = gone.toCursor(0).slice(0, 12)
    expect(here.parse(gone.toCursor(49))).toBe(49)
    expect(() => here.parse(gone.toCursor(50))).toThrow(
      expect.objectContaining({
        code: 'invalid-argument',
        message: `cursor ${name}.50 is of what this log has lost: what it has of ${name} ends at ${name}.49`,
        details: { found: `${name}.50`, last: `${name}.49` },
      }),
    )
  })

  it('whose oldest lives are forgotten calls what was then by the oldest that it knows, and gives it no id', () => {
    const lineage = new Lineage('hub', [
      { epoch: 'five', first: 500 },
      { epoch: 'six', first: 600 },
    ])
    const cursors = new Cursors(() => 700)
    cursors.start(lineage)
    expect(cursors.parseAfter(cursors.toCursor(3))).toBe(3)
    expect(cursors.toCursor(3).slice(0, 12)).toBe(cursors.toCursor(599).slice(0, 12))
    expect([lineage.logOf(499), lineage.logOf(500)?.epoch, lineage.logOf(600)?.epoch]).toEqual([
      undefined,
      'five',
      'six',
    ])
  })
})
