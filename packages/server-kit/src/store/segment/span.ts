import type { SegmentReader } from './reader.ts'

/** What one segment holds of one channel. */
export interface Span {
  readonly domain: string
  readonly channel: string
  /** Sequences; rows of the channel below `first` were pruned and only wait for the rest of the segment to go. */
  readonly first: number
  readonly last: number
  readonly count: number
  /** As retention counts them: payload, properties and a constant for the rest of each message. */
  readonly bytes: number
  readonly minMs: number
  readonly maxMs: number
}

type Building = { -readonly [Field in keyof Span]: Span[Field] }

/** A channel name has no slash, so that the first one ends it. */
export function channelKey(domain: string, channel: string): string {
  return `${channel}/${domain}`
}

/** The spans of a segment whose rows ascend, in order of appearance. */
export function spansOf(reader: SegmentReader): Span[] {
  const spans = new Map<string, Building>()
  const byTopic: (Building | undefined)[] = new Array(reader.topics.length)
  reader.rewind()
  while (reader.next()) {
    let span = byTopic[reader.topic]
    if (span === undefined) {
      const { domain, channel } = reader.topics[reader.topic]!
      const key = channelKey(domain, channel)
      span = spans.get(key)
      if (span === undefined) {
        span = {
          domain,
          channel,
          first: reader.sequence,
          last: 0,
          count: 0,
          bytes: 0,
          minMs: reader.acceptedAtMs,
          maxMs: reader.acceptedAtMs,
        }
        spans.set(key, span)
      }
      byTopic[reader.topic] = span
    }
    span.last = reader.sequence
    span.count++
    span.bytes += reader.costBytes
    if (reader.acceptedAtMs < span.minMs) span.minMs = reader.acceptedAtMs
    if (reader.acceptedAtMs > span.maxMs) span.maxMs = reader.acceptedAtMs
  }
  return [...spans.values()]
}

/**
 * Takes everything up to and including `through` off a span that begins at or below it and ends above it, so that
 * something goes and something is left.
 */
export function trimSpan(
  reader: SegmentReader,
  span: Span,
  through: number,
): { readonly left: Span; readonly highestGone: number } {
  const left: Building = { ...span, first: span.last, count: 0, bytes: 0, minMs: span.maxMs, maxMs: span.minMs }
  let highestGone = span.first
  reader.rewind()
  while (reader.next()) {
    const { sequence, acceptedAtMs } = reader
    if (sequence < span.first) continue
    const { domain, channel } = reader.topics[reader.topic]!
    if (channel !== span.channel || domain !== span.domain) continue
    if (sequence <= through) {
      highestGone = sequence
      continue
    }
    left.first = Math.min(left.first, sequence)
    left.count++
    left.bytes += reader.costBytes
    left.minMs = Math.min(left.minMs, acceptedAtMs)
    left.maxMs = Math.max(left.maxMs, acceptedAtMs)
  }
  return { left, highestGone }
}
