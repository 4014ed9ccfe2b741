import { hash } from 'node:crypto'
import { type LogId, ThingmeshError } from '@thingmesh/core'
import type { Cursor } from '../contracts/index.ts'

const form = /^(?<log>[0-9a-f]{12})\.(?<sequence>0|[1-9]\d{0,15})$/

/** The beginning of whatever log it is shown to. */
const beginning = '0'

/**
 * The hub's positions as text: `<log>.<sequence>`, where the former is 48 bits of a hash of the log's origin and epoch.
 * So what another log gave, as of a hub that was there before or that answered under the same address, is known for that,
 * however far either has come. Neither part is a secret, and nothing is proved by them.
 */
export class Cursors {
  /** The last sequence that was given out. */
  readonly #last: () => number
  #log = ''

  constructor(last: () => number) {
    this.#last = last
  }

  /** The log's id is known once the store has started. */
  start({ origin, epoch }: LogId): void {
    // NUL, which neither has: no two pairs are one text.
    this.#log = hash('sha256', `${origin}\0${epoch}`, 'hex').slice(0, 12)
  }

  toCursor(sequence: number): Cursor {
    return `${this.#log}.${sequence}`
  }

  /** Throws `invalid-argument` for what is no cursor, and for one of another log. */
  parse(cursor: Cursor): number {
    if (cursor === beginning) return 0
    const { log, sequence } = form.exec(cursor)?.groups ?? {}
    if (!Number.isSafeInteger(Number(sequence))) {
      throw new ThingmeshError(
        'invalid-argument',
        `found ${cursor.length} characters, a cursor is 0, or what a page or a message of this hub gave`,
      )
    }
    if (log === this.#log) return Number(sequence)
    throw new ThingmeshError(
      'invalid-argument',
      `cursor ${cursor} is of another log: those of this one begin with ${this.#log}.`,
      { details: { found: cursor } },
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
