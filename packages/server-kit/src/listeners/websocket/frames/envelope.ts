import { type Message, ThingmeshError, toThingmeshError } from '@thingmesh/core'
import type { Cursor, DeliveryTerms } from '../../../contracts/index.ts'
import { textOf } from './close-codes.ts'
import type { FramesCounters } from './counters.ts'
import type { Format, Frame } from './format.ts'
import { sendPages } from './log-follower.ts'
import type { FramesLimits } from './options.ts'
import {
  openEnvelope,
  type PublishRequest,
  parseRequest,
  type Request,
  type RequestId,
  type SubscribeRequest,
} from './requests.ts'
import type { Line, Speech } from './speech.ts'
import type { Target } from './target.ts'

export interface EnvelopeContext {
  readonly format: Format
  readonly target: Target
  readonly limits: FramesLimits
  readonly counters: FramesCounters
}

/** Requests with answers, and messages with all that they carry, on one channel. */
export class EnvelopeSpeech implements Speech {
  readonly #line: Line
  readonly #context: EnvelopeContext
  /** By filter; those that read the log have something that ends them. */
  readonly #subscriptions = new Map<string, AbortController | undefined>()

  constructor(line: Line, context: EnvelopeContext) {
    this.#line = line
    this.#context = context
  }

  async begin(): Promise<void> {
    if (this.#context.target.after === undefined) return
    throw new ThingmeshError(
      'invalid-argument',
      'the query has after, which stands in a subscribe with this subprotocol',
    )
  }

  received(frame: Frame): void {
    const { format, limits } = this.#context
    const { fields, id } = openEnvelope(format.decode(frame))
    let request: Request
    try {
      request = parseRequest(fields, format, limits)
    } catch (error) {
      this.#refuse(id, error)
      return
    }
    if (request.type === 'publish') this.#publish(id, request)
    else {
      const done = request.type === 'subscribe' ? this.#subscribe(id, request) : this.#unsubscribe(id, request.pattern)
      done.catch(error => this.#refuse(id, error))
    }
  }

  encode(message: Message, { replay }: DeliveryTerms): Frame {
    const { format } = this.#context
    // Live messages come in another order than the log's: no cursor, for there would be none to go on from.
    const fields = format.fieldsOf(message)
    return format.encode({ type: 'message', ...(replay ? { lastValue: true } : undefined), ...fields })
  }

  revoke(filters: readonly string[], reason: ThingmeshError): void {
    for (const filter of filters) this.#endSubscription(filter, reason)
  }

  lastWords(reason: ThingmeshError): Frame {
    return this.#errorFrame(undefined, reason)
  }

  #publish(id: RequestId, request: PublishRequest): void {
    const { channel, subtopic: own } = this.#context.target
    const { subtopic = own, payload, contentType, delivery, retain, properties, key } = request
    const topic = subtopic === undefined ? channel : `${channel}/${subtopic}`
    const draft = { topic, payload: payload.bytes, contentType, delivery, retain, properties, key }
    this.#line.publish(draft, (error, messageId) => {
      if (error !== undefined) this.#refuse(id, error)
      else this.#acknowledge(id, messageId === undefined ? {} : { messageId })
    })
  }

  async #subscribe(id: RequestId, { pattern, after, delivery, lastValues }: SubscribeRequest): Promise<void> {
    const filter = this.#filterOf(pattern)
    if (this.#subscriptions.has(filter)) {
      throw new ThingmeshError('conflict', 'there is a subscription of this pattern, which is to be ended first')
    }
    if (after !== undefined) {
      this.#follow(id, filter, after === 'now' ? undefined : after)
      return
    }
    this.#subscriptions.set(filter, undefined)
    const replay = lastValues ? 'always' : 'never'
    const [result] = await this.#line.session.subscribe([{ filter, delivery, replay }])
    if (result?.ok === false) {
      this.#subscriptions.delete(filter)
      throw result.error
    }
    this.#acknowledge(id)
  }

  #follow(id: RequestId, filter: string, after: Cursor | undefined): void {
    const { logSubscriptionsMax } = this.#context.limits
    const count = [...this.#subscriptions.values()].filter(follower => follower !== undefined).length
    if (count >= logSubscriptionsMax) {
      throw new ThingmeshError(
        'rate-limited',
        `${count} subscriptions read the log, the limit is ${logSubscriptionsMax}`,
      )
    }
    const follower = new AbortController()
    const ended = AbortSignal.any([follower.signal, this.#line.ended])
    const { session } = this.#line
    const pages = session.follow({ filter, after, signal: ended })
    this.#subscriptions.set(filter, follower)
    this.#acknowledge(id)
    const { format } = this.#context
    const pattern = this.#patternOf(filter)
    const toFrame = (message: Message) =>
      format.encode({ type: 'message', pattern, ...format.fieldsOf(message, session.cursorOf(message)) })
    sendPages(pages, this.#line, toFrame, ended).catch(thrown => {
      const error = toThingmeshError(thrown)
      const isRevoked = error.code === 'permission-denied' || error.code === 'not-found'
      if (!isRevoked) this.#line.fail(error)
      // One that has been ended, or begun anew, since is another one's.
      else if (this.#subscriptions.get(filter) === follower) this.#endSubscription(filter, error)
    })
  }

  /** It is over, and the connection is not. */
  #endSubscription(filter: string, reason: ThingmeshError): void {
    this.#subscriptions.delete(filter)
    this.#line.send(this.#errorFrame(undefined, reason, this.#patternOf(filter)))
  }

  async #unsubscribe(id: RequestId, pattern: string | undefined): Promise<void> {
    const filter = this.#filterOf(pattern)
    if (!this.#subscriptions.has(filter)) {
      throw new ThingmeshError('not-found', 'there is no subscription of this pattern')
    }
    const follower = this.#subscriptions.get(filter)
    this.#subscriptions.delete(filter)
    if (follower !== undefined) follower.abort()
    else await this.#line.session.unsubscribe([filter])
    this.#acknowledge(id)
  }

  #filterOf(pattern = this.#context.target.subtopic ?? '#'): string {
    return `${this.#context.target.channel}/${pattern}`
  }

  #patternOf(filter: string): string {
    return filter.slice(this.#context.target.channel.length + 1)
  }

  #acknowledge(id: RequestId, more: Readonly<Record<string, unknown>> = {}): void {
    if (id !== undefined) this.#line.send(this.#context.format.encode({ type: 'ack', id, ...more }))
  }

  /** Said also where the request has no id: a client that is not told goes on doing it. */
  #refuse(id: RequestId, failure: unknown): void {
    const error = toThingmeshError(failure)
    this.#context.counters.refusedFrame(error.code).value += 1
    this.#line.send(this.#errorFrame(id, error))
  }

  #errorFrame(id: RequestId, error: ThingmeshError, pattern?: string): Frame {
    const fields = {
      type: 'error',
      ...(id === undefined ? undefined : { id }),
      ...(pattern === undefined ? undefined : { pattern }),
      code: error.code,
      message: textOf(error),
    }
    return this.#context.format.encode(fields)
  }
}
