import { encodeUtf8 } from '../../codec/utf8.ts'

/** A row of a table in `docs/protocol/`, as it is on the wire. */
export interface Vector {
  /** As the page names it: `coap/publish`. */
  readonly name: string
  /** Bytes in hexadecimal, text in single quotes: `45 01 'abc'`. */
  readonly wire: string
  /** Throws where the codec writes or reads it otherwise. */
  run(): void
}

/** What the notation of vectors stands for. */
export function toWire(notation: string): Uint8Array {
  const parts = notation.match(/'[^']*'|[0-9a-f]{2}/g) ?? []
  const bytes = parts.flatMap(part =>
    part[0] === "'" ? [...encodeUtf8(part.slice(1, -1))] : [Number.parseInt(part, 16)],
  )
  return Uint8Array.from(bytes)
}
