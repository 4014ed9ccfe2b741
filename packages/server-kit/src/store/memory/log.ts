import { type LogId, type Message, ThingmeshError } from '@thingmesh/core'
import type {
  AppendOptions,
  LogEpoch,
  MessageLog,
  MessagePage,
  MessageQuery,
  PrunePlan,
  PruneReport,
} from '../../contracts/index.ts'
import { checkBatch } from '../segment/batch.ts'
import { readPage, type Stretch } from '../segment/page.ts'
import { readMessages, SegmentReader } from '../segment/reader.ts'
import { Selection } from '../segment/selection.ts'
import { channelKey, type Span, spansOf, trimSpan } from '../segment/span.ts'
import { SegmentWriter } from '../segment/writer.ts'
import type { Gate } from './gate.ts'
import type { MemoryKeys } from './keys.ts'
import type { MemoryRetained } from './retained.ts'
import type { MemorySessions } from './sessions.ts'

/** At this size the open segment is sealed. Retention removes whole segments of a channel, so this is its grain. */
const sealBytes = 64 * 1024

interface Sealed {
  readonly segment: Uint8Array
  readonly first: number
  readonly last: number
  readonly spans: Map<string, Span>
}

/** What an append writes to besides. */
interface Neighbours {
  readonly retained: MemoryRetained
  readonly sessions: MemorySessions
  readonly keys: MemoryKeys
  readonly gate: Gate
}

const settled = Promise.resolve()

/**
 * Messages are kept encoded: about a third of what they would take as objects, and no network buffer is held by a view.
 * They gather in one open segment, which is sealed when it is large enough or when something has to be removed from it.
 */
export class MemoryLog implements MessageLog {
  readonly id: LogId
  readonly lineage: readonly LogEpoch[]
  readonly #retained: MemoryRetained
  readonly #sessions: MemorySessions
  readonly #keys: MemoryKeys
  readonly #gate: Gate
  readonly #sealed: Sealed[] = []
  readonly #open = new SegmentWriter()
  readonly #pageWriter = new SegmentWriter()
  /** The open segment as last read; undefined since the last append. */
  #openSealed: Sealed | undefined
  #reserved = 1
  #last = 0

  constructor(id: LogId, { retained, sessions, keys, gate }: Neighbours) {
    this.id = id
    // Of one process, and never put back from anywhere.
    this.lineage = [{ epoch: id.epoch, first: 0 }]
    this.#retained = retained
    this.#sessions = sessions
    this.#keys = keys
    this.#gate = gate
  }

  get nextSequence(): number {
    return Math.max(this.#reserved, this.#last + 1)
  }

  async reserve(below: number): Promise<void> {
    this.#gate.check()
    this.#reserved = Math.max(this.#reserved, below)
  }

  append(batch: readonly Message[], options?: AppendOptions): Promise<void> {
    try {
      this.#append(batch, options?.recorded)
      if (options?.transfers !== undefined) this.#sessions.begin(options.transfers)
      if (options?.keys !== undefined) this.#keys.note(options.keys)
      if (options?.forgottenKeys !== undefined) this.#keys.forget(options.forgottenKeys)
      return settled
    } catch (error) {
      return Promise.reject(error)
    }
  }

  async read(query: MessageQuery): Promise<MessagePage> {
    this.#gate.check()
    const selection = new Selection(query)
    const { segment, scannedTo, complete } = readPage(
      selection,
      this.#last,
      this.#stretches(selection),
      this.#pageWriter,
    )
    return { messages: readMessages(segment, 'page'), scannedTo, complete }
  }

  async prune(plans: readonly PrunePlan[]): Promise<readonly PruneReport[]> {
    this.#gate.check()
    this.#seal()
    const reports = plans.map(plan => this.#prune(plan)).filter(report => report.messages > 0)
    const kept = this.#sealed.filter(({ spans }) => spans.size > 0)
    this.#sealed.splice(0, this.#sealed.length, ...kept)
    return reports
  }

  #append(batch: readonly Message[], recorded: readonly boolean[] | undefined): void {
    this.#gate.check()
    checkBatch(batch)
    const first = batch[0]
    if (first === undefined) return
    if (first.sequence <= this.#last) {
      throw new ThingmeshError(
        'invalid-argument',
        `sequence ${first.sequence} is not above ${this.#last}, the last one`,
      )
    }
    const open = this.#open
    for (let i = 0; i < batch.length; i++) {
      const message = batch[i]!
      if (message.retain) this.#retained.put(message)
      if (recorded === undefined || recorded[i] !== false) open.add(message)
    }
    this.#last = batch[batch.length - 1]!.sequence
    this.#openSealed = undefined
    if (open.bytes >= sealBytes) this.#seal()
  }

  #seal(): void {
    const sealed = this.#peek()
    if (sealed === undefined) return
    this.#sealed.push(sealed)
    this.#open.begin()
    this.#openSealed = undefined
  }

  #peek(): Sealed | undefined {
    if (this.#open.count === 0) return undefined
    if (this.#openSealed !== undefined) return this.#openSealed
    const segment = this.#open.finish()
    const spans = spansOf(new SegmentReader(segment, 'open'))
    this.#openSealed = {
      segment,
      first: Math.min(...spans.map(span => span.first)),
      last: Math.max(...spans.map(span => span.last)),
      spans: new Map(spans.map(span => [channelKey(span.domain, span.channel), span])),
    }
    return this.#openSealed
  }

  *#stretches(selection: Selection): Generator<Stretch> {
    const open = this.#peek()
    const all = open === undefined ? this.#sealed : [...this.#sealed, open]
    const { newest = false } = selection.query
    const step = newest ? -1 : 1
    for (
      let i = newest ? all.length - 1 : lowestEndingAfter(all, selection.after);
      i >= 0 && i < all.length;
      i += step
    ) {
      const sealed = all[i]!
      if (newest ? sealed.last <= selection.after : sealed.first >= selection.before) return
      if (newest && sealed.first >= selection.before) continue
      const live = liveChannels(sealed, selection)
      if (live.size === 0) continue
      yield { from: sealed.first, open: () => [{ reader: new SegmentReader(sealed.segment, `${sealed.first}`), live }] }
    }
  }

  #prune({ domain, channel, beforeMs, bytesMax, through }: PrunePlan): PruneReport {
    const key = channelKey(domain, channel)
    const holders = this.#sealed.filter(({ spans }) => spans.has(key))
    let left = holders.reduce((sum, { spans }) => sum + spans.get(key)!.bytes, 0)
    let messages = 0
    let bytes = 0
    let highest = 0
    for (const { spans, segment } of holders) {
      const span = spans.get(key)!
      const past =
        (through !== undefined && span.last <= through) ||
        (beforeMs !== undefined && span.maxMs < beforeMs) ||
        (bytesMax !== undefined && left - span.bytes >= bytesMax)
      if (past) {
        spans.delete(key)
        left -= span.bytes
        messages += span.count
        bytes += span.bytes
        highest = span.last
        continue
      }
      if (through !== undefined && span.first <= through) {
        const { left: rest, highestGone } = trimSpan(new SegmentReader(segment, `${span.first}`), span, through)
        spans.set(key, rest)
        messages += span.count - rest.count
        bytes += span.bytes - rest.bytes
        highest = highestGone
      }
      break
    }
    return { domain, channel, messages, bytes, through: highest }
  }
}

function liveChannels({ spans }: Sealed, selection: Selection): Map<string, number> {
  const { domain, fromMs, toMs } = selection.query
  const live = new Map<string, number>()
  for (const span of spans.values()) {
    if (span.domain !== domain || span.last <= selection.after || !selection.wantsChannel(span.channel)) continue
    if ((fromMs !== undefined && span.maxMs < fromMs) || (toMs !== undefined && span.minMs >= toMs)) continue
    live.set(span.channel, span.first)
  }
  return live
}

function lowestEndingAfter(all: readonly Sealed[], after: number): number {
  let low = 0
  let high = all.length
  while (low < high) {
    const middle = (low + high) >>> 1
    if (all[middle]!.last > after) high = middle
    else low = middle + 1
  }
  return low
}
