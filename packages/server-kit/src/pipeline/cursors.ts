import { hash } from 'node:crypto'
import { type LogId, ThingmeshError } from '@thingmesh/core'
import { splitCursor } from '../contracts/cursor.ts'
import type { Cursor } from '../contracts/index.ts'
import { Lineage } from './lineage.ts'

/**
 * The hub's positions as text: `<epoch>.<sequence>`, where the former is 48 bits of a hash of the log's origin and of the epoch
 * that the position lies in. So what another log gave, as of a hub that was there before or that answered under the same address,
 * is known for that, however far either has come; and so is what this log gave in a life that it knows nothing of, because it was put back
 * from a copy since. Neither part is a secret, and nothing is proved by them.
 */
export class Cursors {
  /** The last sequence that was given out. */
  readonly #last: () => number
  #lineage = new Lineage('', [{ epoch: '', first: 0 }])
  /** By the lineage's index, and back. */
  #names: readonly string[] = ['']
  #indexes: ReadonlyMap<string, number> = new Map()

  constructor(last: () => number) {
    this.#last = last
  }

  /** The lineage is known once the store has started. */
  start(lineage: Lineage): void {
    this.#lineage = lineage
    this.#names = lineage.logs.map(nameOf)
    this.#indexes = new Map(this.#names.map((name, index) => [name, index]))
  }

  toCursor(sequence: number): Cursor {
    return `${this.#names[this.#lineage.indexAt(sequence)]}.${sequence}`
  }

  /** Throws `invalid-argument` for what is no cursor, for one of another log, and for one of what this log has lost. */
  parse(cursor: Cursor): number {
    const { name, position } = splitCursor(cursor)
    if (name === '') return 0
    const index = this.#indexes.get(name)
    if (index === undefined) {
      throw new ThingmeshError(
        'invalid-argument',
        `cursor ${cursor} is of another log, or of what this one has lost: those that it gives now begin with ${this.#names.at(-1)}.`,
        { details: { found: cursor } },
      )
    }
    // All that was before an epoch is the same in every log that has it: what differs lies behind.
    const end = this.#lineage.endOf(index)
    if (position <= end) return position
    throw new ThingmeshError(
      'invalid-argument',
      `cursor ${cursor} is of what this log has lost: what it has of ${name} ends at ${name}.${end}`,
      { details: { found: cursor, last: `${name}.${end}` } },
    )
  }

  /** As `parse`, for what lies behind: a log that has lost its end would be silent until it has grown beyond the cursor again. */
  parseAfter(cursor: Cursor): number {
    const sequence = this.parse(cursor)
    const last = this.#last()
    if (sequence <= last) return sequence
    const end = this.toCursor(last)
    throw new ThingmeshError('invalid-argument', `cursor ${cursor} is beyond the end of the log, which is ${end}`, {
      details: { found: cursor, last: end },
    })
  }
}

/** With NUL, which neither has: no two pairs are one text. */
function nameOf({ origin, epoch }: LogId): string {
  return hash('sha256', `${origin}\0${epoch}`, 'hex').slice(0, 12)
}
