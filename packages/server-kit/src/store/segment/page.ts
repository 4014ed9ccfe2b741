import type { SegmentReader } from './reader.ts'
import type { Selection } from './selection.ts'
import type { SegmentWriter } from './writer.ts'

/** What one call may look through before it answers with what it has: a filter that matches little must not stall others. */
const scanBytesMax = 4 * 1024 * 1024
const scanStretchesMax = 256

/** A segment, and the channels of the query's domain that it still holds, each from its lowest live sequence. */
export interface Part {
  readonly reader: SegmentReader
  readonly live: ReadonlyMap<string, number>
}

/**
 * A piece of the log that overlaps no other in sequences. `open` is undefined where the store itself ends its look; a
 * stretch above (ascending) or below (newest first) `from` was not looked at then.
 */
export interface Stretch {
  /** At or below its lowest sequence and above all of the stretch before. */
  readonly from: number
  readonly open: (() => readonly Part[]) | undefined
}

export interface RawPage {
  /** A segment. */
  readonly segment: Buffer<ArrayBuffer>
  readonly scannedTo: number
  readonly complete: boolean
}

interface Hit {
  readonly reader: SegmentReader
  readonly at: number
  readonly sequence: number
  readonly payloadBytes: number
}

/**
 * Reads a page from stretches that come in the query's direction. `end` is the highest sequence appended so far; every
 * message up to it is in the stretches. Progress is certain: the first stretch is always looked through, whatever its size.
 */
export function readPage(
  selection: Selection,
  end: number,
  stretches: Iterable<Stretch>,
  writer: SegmentWriter,
): RawPage {
  const { query } = selection
  const newest = query.newest === true
  const hits: Hit[] = []
  let looked = 0
  let scannedBytes = 0
  let payloadBytes = 0
  const limit = Math.max(query.limit, 1)
  /** Newest first: everything at or above this was looked through. */
  let lowest = Math.min(selection.before, end + 1)
  for (const { from, open } of stretches) {
    const spent = scannedBytes >= scanBytesMax || looked >= scanStretchesMax || hits.length >= limit
    if (open === undefined || spent) return toPage(writer, newest, hits, newest ? lowest : from - 1, false)
    const parts = open()
    for (const { reader } of parts) scannedBytes += reader.bytes.length
    looked++
    for (const hit of findHits(selection, parts, limit - hits.length + 1)) {
      const full = hits.length >= limit || payloadBytes + hit.payloadBytes > query.bytesMax
      if (full && hits.length > 0) {
        return toPage(writer, newest, hits, newest ? hit.sequence + 1 : hit.sequence - 1, false)
      }
      payloadBytes += hit.payloadBytes
      hits.push(hit)
    }
    lowest = Math.min(lowest, from)
  }
  const scannedTo = newest ? selection.after + 1 : Math.max(selection.after, Math.min(end, selection.before - 1))
  return toPage(writer, newest, hits, Number.isFinite(scannedTo) ? scannedTo : end, true)
}

/** The first `max` matching rows in the query's direction. */
function findHits(selection: Selection, parts: readonly Part[], max: number): readonly Hit[] {
  const newest = selection.query.newest === true
  const hits: Hit[] = []
  for (const part of parts) {
    const found = findInPart(selection, part, newest ? Number.POSITIVE_INFINITY : max)
    for (const hit of newest ? found.slice(-max) : found) hits.push(hit)
  }
  if (parts.length > 1) hits.sort((a, b) => a.sequence - b.sequence)
  return newest ? hits.reverse() : hits
}

function findInPart(selection: Selection, { reader, live }: Part, max: number): readonly Hit[] {
  const floors = new Float64Array(reader.topics.length)
  let wanted = false
  for (let i = 0; i < floors.length; i++) {
    const { domain, channel, topic } = reader.topics[i]!
    const first = domain === selection.query.domain ? live.get(channel) : undefined
    const floor = first === undefined ? Number.POSITIVE_INFINITY : selection.floor(channel, topic)
    floors[i] = first === undefined ? floor : Math.max(floor, first - 1)
    if (floor < Number.POSITIVE_INFINITY) wanted = true
  }
  const hits: Hit[] = []
  if (!wanted) return hits
  const { before } = selection
  reader.rewind()
  while (hits.length < max && reader.next()) {
    const { sequence } = reader
    if (sequence >= before) break
    if (sequence <= (floors[reader.topic] as number) || !selection.accepts(reader)) continue
    hits.push({ reader, at: reader.at, sequence, payloadBytes: reader.payloadBytes })
  }
  return hits
}

function toPage(
  writer: SegmentWriter,
  newest: boolean,
  hits: readonly Hit[],
  scannedTo: number,
  complete: boolean,
): RawPage {
  writer.begin()
  for (let i = 0; i < hits.length; i++) {
    const { reader, at } = hits[newest ? hits.length - 1 - i : i]!
    reader.seek(at)
    writer.copy(reader)
  }
  return { segment: writer.finish(), scannedTo, complete }
}
