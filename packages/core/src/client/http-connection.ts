import { ThingmeshError, toThingmeshError } from '../errors/index.ts'
import { EventStreamParser } from './event-stream.ts'
import type { Exchange } from './exchange.ts'
import { readError } from './failure.ts'
import { readHistory } from './history.ts'
import { levels, type Published, type ReadOptions, readMessages } from './http.ts'
import { findLogEnd } from './log-end.ts'
import { type ReceivedMessage, type ReceivedPage, readMessage, readPage } from './messages.ts'
import { type ByteReader, type CancelSignal, platform } from './platform.ts'
import { readUnlessSilent } from './silence.ts'
import { deferred } from './status.ts'
import type { ClientMessage, Connection, OutgoingDraft, Subscribed, SubscribeRequest } from './transport.ts'

export interface HttpTerms {
  readonly silenceMs: number
  readonly checkMs: number
  readonly eventBytesMax: number
}

/** The header that carries a draft's key: a string of structured fields (RFC 9651, section 3.3.3). Ours need no escapes. */
const keyHeader = 'idempotency-key'

/** RFC 9110, section 5.5, without what only old text has. */
const headerValue = /^[\x20-\x7e]*$/

/** Messages of one stream that its readers may have in front of them. */
const untakenMax = 256

/** The requests of one client that belong together: the first of them that fails for want of a hub ends all. */
export class HttpConnection implements Connection {
  /** Requests overtake each other, so there is one at a time. */
  readonly inFlightMax = 1
  readonly history = readHistory
  readonly #exchange: Exchange
  readonly #cursors: Map<string, string>
  readonly #terms: HttpTerms
  readonly #wanted = new Map<string, SubscribeRequest>()
  readonly #streams = new Map<string, ByteReader>()
  readonly #closed = deferred<ThingmeshError>()
  #ended = false
  #timer: unknown

  constructor(exchange: Exchange, cursors: Map<string, string>, terms: HttpTerms) {
    this.#exchange = exchange
    this.#cursors = cursors
    this.#terms = terms
    this.#checkLater()
  }

  get closed(): Promise<ThingmeshError> {
    return this.#closed.promise
  }

  async publish(draft: OutgoingDraft): Promise<Published> {
    const { topic, payload, contentType, delivery, retain, properties, key } = draft
    const [channel = '', ...subtopic] = topic.split('/')
    if (
      properties?.replyTo !== undefined ||
      properties?.correlation !== undefined ||
      properties?.headers !== undefined
    ) {
      throw new ThingmeshError('unsupported', 'http has no place for replies and headers', { outcome: 'not-sent' })
    }
    // `fetch` would not send it, and not say why.
    if (!headerValue.test(contentType)) {
      throw new ThingmeshError('invalid-argument', 'the content type is no printable ascii', { outcome: 'not-sent' })
    }
    const answer = (await this.#watched(
      this.#exchange.send({
        method: 'POST',
        path: ['channels', channel, 'messages', ...levels(subtopic.join('/'))],
        query: {
          qos: delivery === 'at-most-once' ? 0 : undefined,
          retain: retain ? true : undefined,
          expires: properties?.expiresInSeconds,
        },
        headers: {
          ...(contentType === '' ? {} : { 'content-type': contentType }),
          ...(key === undefined ? {} : { [keyHeader]: `"${key}"` }),
        },
        body: payload as Uint8Array<ArrayBuffer>,
      }),
    )) as { readonly id?: unknown } | undefined
    return typeof answer?.id === 'string' ? { id: answer.id } : {}
  }

  async subscribe(request: SubscribeRequest): Promise<Subscribed> {
    const { filter } = request
    this.#wanted.set(filter, request)
    const isLeft = (): boolean => this.#wanted.get(filter) !== request
    const known = this.#cursors.has(filter)
    // From here on, so that a stream that breaks before its first message goes on from here too.
    if (!known) await this.#goToEnd(request)
    if (isLeft()) return { resumed: false }
    let resumed = request.again && known
    let reader: ByteReader
    try {
      reader = await this.#open(filter)
    } catch (thrown) {
      if (!known || toThingmeshError(thrown).code !== 'invalid-argument') throw thrown
      // The hub's log has begun anew, and the cursor is of the one before.
      await this.#goToEnd(request)
      reader = await this.#open(filter)
      resumed = false
    }
    if (this.#ended) {
      await reader.cancel()
      throw new ThingmeshError('unavailable', 'the connection is over', { outcome: 'unknown' })
    }
    if (isLeft()) {
      await reader.cancel()
      return { resumed: false }
    }
    this.#streams.set(filter, reader)
    void this.#read(request, reader)
    return { resumed }
  }

  async unsubscribe(filter: string): Promise<void> {
    this.#wanted.delete(filter)
    this.#cursors.delete(filter)
    const reader = this.#streams.get(filter)
    this.#streams.delete(filter)
    await reader?.cancel()
  }

  read(filter: string, options: ReadOptions): Promise<ReceivedPage> {
    return readMessages(this.#exchange, filter, options)
  }

  async latest(filter: string, signal: CancelSignal | undefined): Promise<readonly ClientMessage[]> {
    const [channel = '', ...pattern] = filter.split('/')
    const path = ['channels', channel, 'messages', ...pattern]
    return readPage(await this.#exchange.send({ method: 'GET', path, query: { retained: true }, signal })).messages
  }

  check(): void {
    void this.#check()
  }

  async close(): Promise<void> {
    this.#finish(new ThingmeshError('canceled', 'the connection was closed here', { outcome: 'unknown' }))
  }

  #finish(reason: ThingmeshError): void {
    if (this.#ended) return
    this.#ended = true
    platform().clearTimeout(this.#timer)
    for (const reader of this.#streams.values()) reader.cancel().catch(() => undefined)
    this.#streams.clear()
    this.#exchange.close()
    this.#closed.resolve(reason)
  }

  /** What failed because there is no hub, or because it does not know us any more, is the end of the connection. What never left is not. */
  async #watched<Value>(answer: Promise<Value>): Promise<Value> {
    try {
      return await answer
    } catch (thrown) {
      const error = toThingmeshError(thrown)
      const isWithoutHub = error.outcome !== 'rejected' && error.retryable
      if (isWithoutHub || error.code === 'unauthenticated') this.#finish(error)
      throw thrown
    }
  }

  async #goToEnd(request: SubscribeRequest): Promise<void> {
    const { filter } = request
    const end = await this.#watched(findLogEnd(query => this.read(filter, query)))
    if (this.#wanted.get(filter) === request) this.#cursors.set(filter, end)
  }

  #open(filter: string): Promise<ByteReader> {
    const [channel = '', ...pattern] = filter.split('/')
    return this.#watched(
      this.#exchange.stream({
        method: 'GET',
        path: ['channels', channel, 'messages', ...pattern],
        query: { after: this.#cursors.get(filter) },
        accept: 'text/event-stream',
      }),
    )
  }

  async #read(request: SubscribeRequest, reader: ByteReader): Promise<void> {
    const { filter } = request
    const parser = new EventStreamParser(this.#terms.eventBytesMax)
    const untaken = new Set<Promise<void>>()
    try {
      for (;;) {
        const { done, value } = await readUnlessSilent(reader, this.#terms.silenceMs)
        if (this.#streams.get(filter) !== reader) return
        if (done || value === undefined) throw new ThingmeshError('unavailable', 'the hub ended the event stream')
        for (const { type, id, data } of parser.push(value)) {
          if (type === 'error') {
            this.#refuse(request, data)
            return
          }
          if (data !== undefined) {
            const taken: Promise<void> = request.onMessage(toReceived(data)).then(() => void untaken.delete(taken))
            untaken.add(taken)
          }
          if (id !== undefined) this.#cursors.set(filter, id)
          // After each of them: a browser may have thousands in one chunk.
          while (untaken.size >= untakenMax) await Promise.race(untaken)
          if (this.#streams.get(filter) !== reader) return
        }
      }
    } catch (thrown) {
      if (this.#streams.get(filter) !== reader) return
      const { code, message } = toThingmeshError(thrown)
      this.#finish(
        new ThingmeshError(code === 'timeout' ? code : 'unavailable', message, { cause: thrown, outcome: 'unknown' }),
      )
    }
  }

  /** The stream's last word: what was allowed when it began is not any more. The others go on. Throws where it does not say why. */
  #refuse(request: SubscribeRequest, data = ''): void {
    const said = readError(JSON.parse(data))
    if (said === undefined) throw new ThingmeshError('unavailable', 'the hub ended the event stream')
    // It may have broken behind that, and then cannot be cancelled.
    this.unsubscribe(request.filter).catch(() => undefined)
    request.onRefused(new ThingmeshError(said.code, said.message, { details: said.details }))
  }

  #checkLater(): void {
    this.#timer = platform().setTimeout(() => {
      if (this.#ended) return
      const checked = this.#streams.size > 0 ? Promise.resolve() : this.#check()
      checked.catch(() => undefined).then(() => this.#ended || this.#checkLater())
    }, this.#terms.checkMs)
  }

  async #check(): Promise<void> {
    try {
      await this.#watched(this.#exchange.send({ method: 'GET', path: ['health'] }))
    } catch (thrown) {
      const error = toThingmeshError(thrown)
      // A hub that is stopping says so.
      if (error.retryable) this.#finish(error)
    }
  }
}

function toReceived(data: string): ReceivedMessage {
  return readMessage(JSON.parse(data))
}
