import { decodeUtf8 } from '../codec/utf8.ts'
import { ThingmeshError } from '../errors/index.ts'

export interface StreamEvent {
  /** Absent for one of the default type. */
  readonly type: string | undefined
  /** Absent where the event had none. */
  readonly id: string | undefined
  /** Absent where it was no event, but moved the id all the same. */
  readonly data: string | undefined
}

const lineFeed = 0x0a
const carriageReturn = 0x0d

/**
 * Server-sent events out of bytes, however they are cut (HTML Living Standard, section 9.2.6), as far as a hub writes
 * them: lines end in LF or CRLF, and of the fields only `event`, `id` and `data` mean something here.
 */
export class EventStreamParser {
  readonly #eventBytesMax: number
  #line: Uint8Array[] = []
  #bytes = 0
  #type: string | undefined
  #id: string | undefined
  #data: string[] = []

  /** Of one event, its field names included. */
  constructor(eventBytesMax: number) {
    this.#eventBytesMax = eventBytesMax
  }

  /** The events that are whole. Throws `too-large` for one that is longer than the bound. */
  push(chunk: Uint8Array): StreamEvent[] {
    const events: StreamEvent[] = []
    let start = 0
    for (let end = chunk.indexOf(lineFeed); end !== -1; end = chunk.indexOf(lineFeed, start)) {
      this.#keep(chunk.subarray(start, end))
      start = end + 1
      const event = this.#endLine()
      if (event !== undefined) events.push(event)
    }
    if (start < chunk.length) this.#keep(chunk.subarray(start))
    return events
  }

  #keep(part: Uint8Array): void {
    this.#bytes += part.length
    if (this.#bytes > this.#eventBytesMax) {
      throw new ThingmeshError('too-large', `an event of more than ${this.#eventBytesMax} bytes`, {
        outcome: 'unknown',
      })
    }
    this.#line.push(part)
  }

  #endLine(): StreamEvent | undefined {
    const line = this.#takeLine()
    if (line === '') return this.#endEvent()
    const colon = line.indexOf(':')
    if (colon === 0) return undefined
    const field = colon === -1 ? line : line.slice(0, colon)
    const value = colon === -1 ? '' : line.slice(line[colon + 1] === ' ' ? colon + 2 : colon + 1)
    if (field === 'event') this.#type = value
    else if (field === 'id') this.#id = value
    else if (field === 'data') this.#data.push(value)
    return undefined
  }

  #endEvent(): StreamEvent | undefined {
    const type = this.#type
    const id = this.#id
    const data = this.#data.length === 0 ? undefined : this.#data.join('\n')
    this.#type = undefined
    this.#id = undefined
    this.#data = []
    this.#bytes = 0
    return id === undefined && data === undefined ? undefined : { type, id, data }
  }

  #takeLine(): string {
    const [first, ...rest] = this.#line
    this.#line = []
    if (first === undefined) return ''
    let line = first
    if (rest.length > 0) {
      line = new Uint8Array(rest.reduce((sum, part) => sum + part.length, first.length))
      let at = 0
      for (const part of [first, ...rest]) {
        line.set(part, at)
        at += part.length
      }
    }
    const end = line[line.length - 1] === carriageReturn ? line.length - 1 : line.length
    return decodeUtf8(line, 0, end)
  }
}
