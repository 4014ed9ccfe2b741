import { type Message, parseFilter, ThingmeshError, toThingmeshError } from '@thingmesh/core'
import type {
  ChannelDirectory,
  FollowRequest,
  MessageLog,
  MessagePage,
  ReadPage,
  ReadRequest,
  RetainedMessages,
  Rights,
} from '../contracts/index.ts'
import { hasExpired } from './accepted.ts'
import type { Committer } from './committer.ts'
import type { Counters } from './counters.ts'
import type { Cursors } from './cursors.ts'
import type { LastValues } from './last-values.ts'
import type { HubLimits } from './limits.ts'
import type { Router } from './router.ts'
import type { Receiver, Target } from './target.ts'

const pageBytes = 4 * 1024 * 1024
const messagesMax = 1000
/** What one follower may hold in memory while it is slow to take it. */
const followedBytes = 256 * 1024
const followedMessages = 100
const latestMax = 1000
const looksMax = 16
/** At the least, so that a short page among much that is not for the reader is found all the same. */
const lookMessages = 256

/** What to read, in positions of the log. */
interface Query extends Omit<ReadRequest, 'after' | 'before'> {
  readonly after?: number | undefined
  readonly before?: number | undefined
}

/** Who reads. */
export interface Reader {
  readonly domain: string
  /** As they are at this moment. */
  rights(): Rights
  /** Aborted when the reader's session is over. */
  readonly signal: AbortSignal
}

/** Looks into the log on behalf of a principal: never more than its rights, whatever the filter. */
export class HistoryReader {
  readonly #log: MessageLog
  readonly #retained: RetainedMessages
  readonly #lastValues: LastValues
  readonly #channels: ChannelDirectory
  readonly #committer: Committer
  readonly #router: Router
  readonly #cursors: Cursors
  readonly #limits: HubLimits
  readonly #counters: Counters
  /** Those who follow, or wait for a first message. */
  readonly #awaited = new Set<Arrival>()

  constructor(parts: {
    log: MessageLog
    retained: RetainedMessages
    lastValues: LastValues
    channels: ChannelDirectory
    committer: Committer
    router: Router
    cursors: Cursors
    limits: HubLimits
    counters: Counters
  }) {
    this.#log = parts.log
    this.#retained = parts.retained
    this.#lastValues = parts.lastValues
    this.#channels = parts.channels
    this.#committer = parts.committer
    this.#router = parts.router
    this.#cursors = parts.cursors
    this.#limits = parts.limits
    this.#counters = parts.counters
  }

  async read(reader: Reader, request: ReadRequest): Promise<ReadPage> {
    const { messages, scannedTo, complete } = await this.#read(reader, request)
    return { messages, next: this.#cursors.toCursor(scannedTo), complete }
  }

  async #read(reader: Reader, request: ReadRequest): Promise<MessagePage> {
    this.#check(reader, request.filter, ['read'])
    const { after, before } = request
    const query = {
      ...request,
      after: after === undefined ? undefined : this.#cursors.parseAfter(after),
      before: before === undefined ? undefined : this.#cursors.parse(before),
    }
    const limit = request.limit ?? 100
    if (!Number.isInteger(limit) || limit < 1 || limit > messagesMax) {
      throw new ThingmeshError('invalid-argument', `limit is ${limit}, allowed is 1 to ${messagesMax}`)
    }
    const page = await this.#page(reader, query, limit)
    const waitMs = Math.min(request.waitMs ?? 0, this.#limits.waitMsMax)
    if (page.messages.length > 0 || !page.complete || waitMs <= 0) return page
    // Listening starts before the second look, so that nothing falls between the two.
    const arrival = this.#await(reader, request.filter)
    try {
      const second = await this.#page(reader, query, limit)
      if (second.messages.length > 0) return second
      const { signal } = reader
      const canceled = request.signal === undefined ? signal : AbortSignal.any([signal, request.signal])
      const hasArrived = await arrival.within(waitMs, canceled)
      if (canceled.aborted) throw new ThingmeshError('canceled', 'the wait was canceled')
      if (!hasArrived) return second
      // An at-most-once message is routed before it is recorded.
      await this.#committer.settled()
      return await this.#page(reader, query, limit)
    } finally {
      this.#leave(arrival)
    }
  }

  follow(reader: Reader, request: FollowRequest): AsyncIterable<ReadPage> {
    this.#check(reader, request.filter, ['read'])
    const { after } = request
    return this.#pages(reader, request, after === undefined ? this.#router.head : this.#cursors.parseAfter(after))
  }

  async *#pages(reader: Reader, { filter, signal }: FollowRequest, from: number): AsyncGenerator<ReadPage, undefined> {
    const arrival = this.#await(reader, filter)
    const ended = AbortSignal.any([reader.signal, signal])
    try {
      let after = from
      while (!ended.aborted) {
        arrival.listen()
        // Who is slow to take a page may have lost the right meanwhile.
        this.#check(reader, filter, ['read'])
        const query = { filter, after }
        const { messages, scannedTo, complete } = await this.#page(reader, query, followedMessages, followedBytes)
        after = scannedTo
        yield { messages, next: this.#cursors.toCursor(scannedTo), complete }
        if (!complete || !(await arrival.within(Number.POSITIVE_INFINITY, ended))) continue
        await this.#committer.settled()
      }
    } finally {
      this.#leave(arrival)
    }
    return undefined
  }

  /** Rights were taken away: ends the waiting of those who have nothing left to wait for. */
  review(domain: string): void {
    for (const arrival of this.#awaited) {
      if (arrival.domain !== domain) continue
      try {
        this.#check(arrival.reader, arrival.filter, ['read'])
      } catch (error) {
        this.#counters.revoked.reading.value += 1
        arrival.refuse(toThingmeshError(error))
      }
    }
  }

  #await(reader: Reader, filter: string): Arrival {
    const arrival = new Arrival(reader, filter)
    this.#awaited.add(arrival)
    this.#router.add(filter, arrival)
    return arrival
  }

  #leave(arrival: Arrival): void {
    this.#awaited.delete(arrival)
    this.#router.remove(arrival.filter, arrival)
  }

  async latest(reader: Reader, filter: string): Promise<readonly Message[]> {
    this.#check(reader, filter, ['read', 'subscribe'])
    await this.#committer.settled()
    const messages = await this.#retained.match(reader.domain, [filter], latestMax)
    if (reader.signal.aborted) throw new ThingmeshError('canceled', 'the session is closed')
    const [first] = messages
    if (messages.length === 1 && first!.topic === filter) this.#lastValues.keep(first!)
    const nowMs = Date.now()
    return messages.filter(message => mayHave(reader, message.topic) && !hasExpired(message, nowMs))
  }

  /** The last value of one topic, where it is at hand. Does not weigh the reader's rights. */
  latestAtHand(domain: string, topic: string): Message | undefined {
    const message = this.#lastValues.find(domain, topic)
    return message !== undefined && !hasExpired(message, Date.now()) ? message : undefined
  }

  /** Whether `latest` would give the reader the last value of the topic. */
  mayHaveLatest(reader: Reader, topic: string): boolean {
    try {
      this.#check(reader, topic, ['read', 'subscribe'])
    } catch {
      return false
    }
    return mayHave(reader, topic)
  }

  #check({ domain, rights }: Reader, filter: string, actions: readonly ('read' | 'subscribe')[]): void {
    parseFilter(filter, this.#limits)
    if (!actions.some(action => rights().mayOnSome(action, filter))) {
      throw new ThingmeshError('permission-denied', `no ${actions.join(' or ')} right on any topic that matches`)
    }
    const channel = filter.split('/', 1)[0]!
    if (channel !== '#' && channel !== '+' && this.#channels.find(domain, channel) === undefined) {
      throw new ThingmeshError('not-found', 'there is no such channel')
    }
  }

  /** Looks on past what the reader may not read, so that a page is as full as it can be; not for ever. */
  async #page({ domain, rights }: Reader, query: Query, limit: number, bytesMax = pageBytes): Promise<MessagePage> {
    const { fromMs, toMs, publisher, newest, filter } = query
    const messages: Message[] = []
    let { after = 0, before } = query
    for (let look = 1; ; look++) {
      const bounds = { filters: [{ filter, after }], before, limit: Math.max(limit, lookMessages), bytesMax }
      const page = await this.#log.read({ domain, fromMs, toMs, publisher, newest, ...bounds })
      const mayRead = ({ topic, channel }: Message) =>
        rights().may('read', topic) && this.#channels.find(domain, channel)?.record !== 'none'
      const allowed = page.messages.filter(mayRead)
      if (newest) messages.unshift(...allowed)
      else messages.push(...allowed)
      if (messages.length > limit) return cut(messages, limit, newest === true)
      if (page.complete || messages.length === limit || look === looksMax) return { ...page, messages }
      if (newest) before = page.scannedTo
      else after = page.scannedTo
    }
  }
}

function mayHave({ rights }: Reader, topic: string): boolean {
  return rights().may('read', topic) || rights().may('subscribe', topic)
}

/** A page that ends where the limit is reached: the rest is for the next one. */
function cut(messages: readonly Message[], limit: number, newest: boolean): MessagePage {
  const kept = newest ? messages.slice(-limit) : messages.slice(0, limit)
  return { messages: kept, scannedTo: (newest ? kept[0] : kept.at(-1))!.sequence, complete: false }
}

/** Waits for the next message that a reader may read. */
class Arrival implements Receiver {
  readonly domain: string
  readonly reader: Reader
  readonly filter: string
  #arrived = Promise.withResolvers<boolean>()
  #refusal: ThingmeshError | undefined

  constructor(reader: Reader, filter: string) {
    this.domain = reader.domain
    this.reader = reader
    this.filter = filter
  }

  targetFor(topic: string): Target | undefined {
    if (!this.reader.rights().may('read', topic)) return undefined
    const terms = { delivery: 'at-most-once', retainAsPublished: false, subscriptionIds: [], replay: false } as const
    return { receiver: this, terms, atMostOnce: true, noLocal: false }
  }

  offer(): void {
    this.#arrived.resolve(true)
  }

  /** There is nothing to wait for any more. */
  refuse(error: ThingmeshError): void {
    this.#refusal = error
    this.#arrived.resolve(false)
  }

  /** What has arrived before does not count. */
  listen(): void {
    this.#refusal = undefined
    this.#arrived = Promise.withResolvers<boolean>()
  }

  /** False: nothing did, or the wait was aborted. Throws why it was refused. */
  async within(waitMs: number, signal: AbortSignal): Promise<boolean> {
    const stop = () => this.#arrived.resolve(false)
    const timer = waitMs === Number.POSITIVE_INFINITY ? undefined : setTimeout(stop, waitMs)
    signal.addEventListener('abort', stop, { once: true })
    if (signal.aborted) stop()
    try {
      const hasArrived = await this.#arrived.promise
      if (this.#refusal !== undefined) throw this.#refusal
      return hasArrived
    } finally {
      clearTimeout(timer)
      signal.removeEventListener('abort', stop)
    }
  }
}
