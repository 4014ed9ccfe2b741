import { parseFilter, parseTopic, toTopic } from '../address/index.ts'
import { ThingmeshError } from '../errors/index.ts'
import type { Address, MessageId } from '../model/index.ts'
import { type BatchItem, type BatchResult, ndjsonType, qosOf, readResults, toLines } from './batch.ts'
import { type Exchange, openExchange } from './exchange.ts'
import { notSent } from './failure.ts'
import { type FollowOptions, followMessages } from './follow.ts'
import { findLogEnd } from './log-end.ts'
import { type ReceivedMessage, type ReceivedPage, readPage } from './messages.ts'
import { resolveOptions } from './option-rules.ts'
import { type HttpClientOptions, toExchangeOptions } from './options.ts'
import { type Publishable, toBody } from './payload.ts'
import type { CancelSignal } from './platform.ts'

export interface PublishOptions {
  /** A media type. By default what the payload is: JSON, text or bytes. */
  readonly contentType?: string | undefined
  /** `at-least-once` by default. `at-most-once` is answered before it is stored. HTTP has no exactly-once. */
  readonly delivery?: 'at-most-once' | 'at-least-once' | undefined
  /** Keep as the last value of its address; an empty payload clears it. */
  readonly retain?: boolean | undefined
  /** Seconds after which the message is no longer worth delivering. */
  readonly expiresInSeconds?: number | undefined
  /**
   * The publisher's own idempotency key, 1 to 64 printable ASCII characters: what is published again under the same key is stored
   * once, however often it is sent, so that what failed with the outcome `unknown` may be tried again.
   */
  readonly key?: string | undefined
  readonly signal?: CancelSignal | undefined
}

export interface ReadOptions {
  /** A cursor: what comes after it. */
  readonly after?: string | undefined
  /** A cursor: what comes before it. */
  readonly before?: string | undefined
  /** Accepted at or after this; milliseconds since 1970. */
  readonly fromMs?: number | undefined
  /** Accepted before this; milliseconds since 1970. */
  readonly toMs?: number | undefined
  readonly publisher?: string | undefined
  /** Messages, 1 to 1,000; 100 by default. */
  readonly limit?: number | undefined
  /** The newest so many, 1 to 1,000, oldest first; in place of `limit`. `next` is then what to read `before`. */
  readonly last?: number | undefined
  /** Where nothing matches yet: how long the hub may wait for a first message; 0 to 30, whole. */
  readonly waitSeconds?: number | undefined
  readonly signal?: CancelSignal | undefined
}

export interface Published {
  /** Absent for at-most-once. */
  readonly id?: MessageId
}

/**
 * A hub over HTTP. Topics are `<channel>/<subtopic>`, filters the same with `+` and `#`; over HTTP a channel's bare
 * name is the filter for all of it.
 *
 * Everything throws `ThingmeshError`: with the hub's code and `outcome: 'rejected'` where the hub refused;
 * `unavailable` or `timeout` with `not-sent` where the connection could not be opened and `unknown` where it broke;
 * `canceled` for an aborted signal.
 */
export interface HttpClient {
  /**
   * Settles when the hub has the message as durably as the delivery asks for. What failed is not tried again: where the
   * outcome is `unknown`, another try may store it twice, unless both are under one `key`.
   */
  publish(topic: string | Address, payload: Publishable, options?: PublishOptions): Promise<Published>
  /**
   * Many messages in one request and one commit, below one topic. What the hub refuses of them is told of each, in order; rejects where
   * all of them failed together. A hub takes 1,000 at once, and 262,144 bytes, unless told otherwise.
   */
  publishBatch(
    topic: string | Address,
    items: readonly BatchItem[],
    options?: { readonly signal?: CancelSignal | undefined },
  ): Promise<readonly BatchResult[]>
  read(filter: string, options?: ReadOptions): Promise<ReceivedPage>
  /** Messages as they come, until the signal or `close`. Reconnects by itself, resumes by cursor, repeats nothing. */
  follow(filter: string, options?: FollowOptions): AsyncGenerator<ReceivedMessage, void, undefined>
  /** Ends what is under way: requests with `canceled`, loops quietly. Idempotent. */
  close(): void
}

/** Opens nothing yet: each call is a request of its own. Throws `TypeError` for a url or options that make no sense. */
export function connectHttp(url: string, options: HttpClientOptions): HttpClient {
  const exchange = openExchange(toExchangeOptions(url, options))
  const read = (filter: string, query: ReadOptions = {}): Promise<ReceivedPage> => readMessages(exchange, filter, query)
  return {
    publish: (topic, payload, publishing = {}) => publishMessage(exchange, topic, payload, publishing),
    publishBatch: (topic, items, { signal } = {}) => publishMany(exchange, topic, items, signal),
    read,
    follow: (filter, following = {}) => {
      const signal = following.signal
      return followMessages(
        {
          closed: exchange.closed,
          poll: (after, waitSeconds) => read(filter, { ...(after === '' ? {} : { after }), waitSeconds, signal }),
          end: () => findLogEnd(query => read(filter, { ...query, signal })),
        },
        following,
      )
    },
    close: exchange.close,
  }
}

async function publishMessage(
  exchange: Exchange,
  topic: string | Address,
  payload: Publishable,
  options: PublishOptions,
): Promise<Published> {
  const { body, contentType } = toBody(payload)
  const answer = (await exchange.send({
    method: 'POST',
    path: pathOf(topic),
    query: {
      qos: qosOf(options.delivery),
      retain: options.retain === true ? true : undefined,
      expires: options.expiresInSeconds,
    },
    headers: {
      'content-type': options.contentType ?? contentType,
      ...(options.key === undefined ? {} : { 'idempotency-key': toQuoted(options.key) }),
    },
    body,
    signal: options.signal,
  })) as { readonly id?: unknown } | undefined
  const id = answer?.id
  return typeof id === 'string' ? { id } : {}
}

async function publishMany(
  exchange: Exchange,
  topic: string | Address,
  items: readonly BatchItem[],
  signal: CancelSignal | undefined,
): Promise<readonly BatchResult[]> {
  const path = pathOf(topic)
  if (items.length === 0) return []
  const headers = { 'content-type': ndjsonType }
  const answer = await exchange.send({
    method: 'POST',
    path,
    query: { batch: true },
    headers,
    body: toLines(items),
    signal,
  })
  return readResults(answer, items.length)
}

/** Throws `invalid-argument`. */
function pathOf(topic: string | Address): readonly string[] {
  const { channel, subtopic } = notSent(() => parseTopic(typeof topic === 'string' ? topic : toTopic(topic)))
  return ['channels', channel, 'messages', ...levels(subtopic)]
}

/** A string of structured fields (RFC 9651, section 3.3.3). */
function toQuoted(key: string): string {
  if (!/^[\x20-\x7e]{1,64}$/.test(key)) {
    throw new ThingmeshError('invalid-argument', 'the key is not 1 to 64 characters of printable ascii', {
      outcome: 'not-sent',
    })
  }
  return `"${key.replace(/["\\]/g, '\\$&')}"`
}

/** What a hub takes; a `Date` reaches so far from 1970. What is not given is not sent, so the defaults are of no account. */
export const readRules = {
  fromMs: [0, -8_640_000_000_000_000, 8_640_000_000_000_000],
  toMs: [0, -8_640_000_000_000_000, 8_640_000_000_000_000],
  limit: [100, 1, 1_000],
  last: [1, 1, 1_000],
  waitSeconds: [0, 0, 30],
} as const

/** Throws `TypeError` for options that make no sense. */
export async function readMessages(exchange: Exchange, filter: string, options: ReadOptions): Promise<ReceivedPage> {
  resolveOptions(options, readRules)
  // No topic is without a channel, so `#` and `+/#` say the same; a path has a place for the latter only.
  const [channel = '', ...pattern] = notSent(() => parseFilter(filter === '#' ? '+/#' : filter)).split('/')
  const answer = await exchange.send({
    method: 'GET',
    path: ['channels', channel, 'messages', ...pattern],
    query: {
      after: options.after,
      before: options.before,
      from: options.fromMs,
      to: options.toMs,
      publisher: options.publisher,
      limit: options.limit,
      last: options.last,
      wait: options.waitSeconds,
    },
    signal: options.signal,
    extraMs: (options.waitSeconds ?? 0) * 1000,
  })
  return readPage(answer)
}

export function levels(subtopic: string): readonly string[] {
  return subtopic === '' ? [] : subtopic.split('/')
}
