import { crc32 } from 'node:zlib'
import { type MessageProperties, type OutboxEntry, ThingmeshError } from '@thingmesh/core'

/**
 * An outbox file: eight bytes that name the format, then records. A record is the length of its body and the CRC-32 of it,
 * four bytes each, big-endian, and the body: a kind, and
 * - 1, an entry: the length of a JSON text, four bytes, the text, the payload;
 * - 2, entries that are gone: their sequences, eight bytes each.
 */
export const fileMagic: Buffer = Buffer.from('TMOUTB01')

const recordHead = 8
const kindEntry = 1
const kindGone = 2

export type FileRecord =
  | { readonly kind: 'entry'; readonly entry: OutboxEntry; readonly bytes: number }
  | { readonly kind: 'gone'; readonly sequences: readonly number[]; readonly bytes: number }

export interface FileContents {
  readonly records: readonly FileRecord[]
  /** Up to here the file is whole. */
  readonly goodBytes: number
  /** What lies behind is no more than a record that was not written to its end. */
  readonly torn: boolean
}

/** The records of entries one behind the other, with the length of each. */
export interface EncodedEntries {
  readonly bytes: Buffer
  readonly lengths: readonly number[]
}

/** With so much room left behind them. */
export function encodeEntries(entries: readonly OutboxEntry[], room: number): EncodedEntries {
  const texts = entries.map(toText)
  let total = room
  const lengths = entries.map(({ payload }, i) => {
    const length = recordHead + 5 + Buffer.byteLength(texts[i]!) + payload.length
    total += length
    return length
  })
  const bytes = Buffer.allocUnsafe(total)
  let at = 0
  for (let i = 0; i < entries.length; i++) {
    const { payload } = entries[i]!
    const end = at + lengths[i]!
    const textBytes = bytes.write(texts[i]!, at + recordHead + 5)
    bytes[at + recordHead] = kindEntry
    bytes.writeUInt32BE(textBytes, at + recordHead + 1)
    bytes.set(payload, end - payload.length)
    writeHead(bytes, at, end)
    at = end
  }
  return { bytes, lengths }
}

function toText({ payload: _, properties, ...fields }: OutboxEntry): string {
  return JSON.stringify(properties === undefined ? fields : { ...fields, properties: toJson(properties) })
}

export function goneBytes(count: number): number {
  return count === 0 ? 0 : recordHead + 1 + count * 8
}

/** Where the room for it begins. */
export function writeGone(sequences: readonly number[], bytes: Buffer, start: number): void {
  if (sequences.length === 0) return
  bytes[start + recordHead] = kindGone
  let at = start + recordHead + 1
  for (const sequence of sequences) {
    // Eight bytes of a safe integer, without the cost of a BigInt.
    at = bytes.writeUInt32BE(Math.floor(sequence / 2 ** 32), at)
    at = bytes.writeUInt32BE(sequence % 2 ** 32, at)
  }
  writeHead(bytes, start, at)
}

function writeHead(bytes: Buffer, start: number, end: number): void {
  const body = bytes.subarray(start + recordHead, end)
  bytes.writeUInt32BE(body.length, start)
  bytes.writeUInt32BE(crc32(body), start + 4)
}

/** Reads as far as the file is whole. Throws `unsupported` for what is no outbox file, by its name. */
export function parseFile(bytes: Buffer, path: string): FileContents {
  const beginning = bytes.subarray(0, fileMagic.length)
  if (!fileMagic.subarray(0, beginning.length).equals(beginning)) {
    throw new ThingmeshError('unsupported', `${path} is no outbox, or one of another version`, {
      outcome: 'not-sent',
    })
  }
  if (beginning.length < fileMagic.length) return { records: [], goodBytes: 0, torn: true }
  const records: FileRecord[] = []
  let at = fileMagic.length
  while (at < bytes.length) {
    const torn = at + recordHead > bytes.length || at + recordHead + bytes.readUInt32BE(at) > bytes.length
    const record = torn ? undefined : parseRecord(bytes, at)
    if (record === undefined) return { records, goodBytes: at, torn }
    records.push(record)
    at += record.bytes
  }
  return { records, goodBytes: at, torn: false }
}

function parseRecord(bytes: Buffer, at: number): FileRecord | undefined {
  const length = bytes.readUInt32BE(at)
  const body = bytes.subarray(at + recordHead, at + recordHead + length)
  if (length === 0 || crc32(body) !== bytes.readUInt32BE(at + 4)) return undefined
  const total = recordHead + length
  if (body[0] === kindEntry) return { kind: 'entry', entry: parseEntry(body), bytes: total }
  if (body[0] !== kindGone) return undefined
  const sequences = Array.from({ length: (length - 1) / 8 }, (_, n) => Number(body.readBigUInt64BE(1 + n * 8)))
  return { kind: 'gone', sequences, bytes: total }
}

/** The checksum has said that this is what was written. */
function parseEntry(body: Buffer): OutboxEntry {
  const textEnd = 5 + body.readUInt32BE(1)
  const { properties, ...fields } = JSON.parse(body.toString('utf8', 5, textEnd)) as WrittenEntry
  const payload = Uint8Array.from(body.subarray(textEnd))
  return { ...fields, payload, ...(properties && { properties: fromJson(properties) }) }
}

type WrittenEntry = Omit<OutboxEntry, 'payload' | 'properties'> & { readonly properties?: WrittenProperties }
type WrittenProperties = Omit<MessageProperties, 'correlation'> & { readonly correlation?: string }

function toJson({ correlation, ...rest }: MessageProperties): WrittenProperties {
  return { ...rest, ...(correlation && { correlation: Buffer.from(correlation).toString('base64') }) }
}

function fromJson({ correlation, ...rest }: WrittenProperties): MessageProperties {
  return {
    ...rest,
    ...(correlation !== undefined && { correlation: Uint8Array.from(Buffer.from(correlation, 'base64')) }),
  }
}
