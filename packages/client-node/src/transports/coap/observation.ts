import { randomBytes } from 'node:crypto'
import { type ClientMessage, type SubscribeRequest, ThingmeshError, toClientMessage } from '@thingmesh/core'
import {
  type CoapMessage,
  type CoapOption,
  Code,
  findOption,
  findStrings,
  findUint,
  isNewer,
  noBytes,
  Observe,
  OptionNumber,
  parseMessagePath,
  uintOption,
} from '@thingmesh/core/coap'
import type { CoapEndpoint } from './endpoint.ts'
import { type Answer, errorFromAnswer, isRefusal, readFacts } from './mapping.ts'
import type { CoapRequests } from './requests.ts'
import type { Windows } from './windows.ts'

export interface ObservationHost {
  readonly endpoint: CoapEndpoint
  readonly requests: CoapRequests
  readonly windows: Windows
  /** The connection is over: something was missed, or may have been. */
  readonly end: (error: ThingmeshError) => void
  /** The hub ended this observation and not the connection. */
  readonly refused: (observation: Observation, error: ThingmeshError) => void
}

const eTagsMax = 64

/** One filter that is observed (RFC 7641), and what of it was heard. */
export class Observation {
  readonly #request: SubscribeRequest
  readonly #address: readonly CoapOption[]
  readonly #host: ObservationHost
  readonly #window: ReturnType<Windows['of']>
  readonly #token = randomBytes(8)
  /** The newest number so far; there is one when it is registered. */
  #sequence: number | undefined
  /** Of what was told lately: a last value that is told again is no message. */
  readonly #eTags = new Set<string>()
  /** Notifications one after the other, also where one has more blocks to fetch. */
  #work: Promise<void> = Promise.resolve()
  /** What is told now, until there is all of it. */
  #fetching: Promise<unknown> = Promise.resolve()
  #isRegistered = false
  #isRegistering = false
  #isOver = false

  constructor(request: SubscribeRequest, address: readonly CoapOption[], host: ObservationHost) {
    this.#request = request
    this.#address = address
    this.#host = host
    this.#window = host.windows.of(request.filter)
  }

  /** Settles when the hub has registered it. Rejects with its refusal. */
  async begin(): Promise<void> {
    const { endpoint } = this.#host
    // From here on: a notification may come while the last value is still fetched, and is given after it.
    endpoint.observe(this.#token, (message, acknowledge) => this.#receive(message, acknowledge))
    const beginning = this.#begin()
    this.#work = beginning.catch(() => undefined)
    await beginning.catch((error: unknown) => {
      this.#isOver = true
      endpoint.forget(this.#token)
      throw error
    })
  }

  async #begin(): Promise<void> {
    const first = await this.#register()
    this.#isRegistered = true
    this.#sequence ??= findUint(first.options, OptionNumber.observe)
    const answer = await this.#whole(first)
    if (!isValue(answer)) return
    this.#isNew(answer)
    await this.#window.admit(() => this.#request.onMessage(this.#toMessage(answer, 'at-least-once', true)))
  }

  /**
   * Registers again, by which the hub shows that it still has it (RFC 7641, section 3.3.1). One that it has forgotten, or had to
   * give up, begins its numbers anew. Rejects with what else went wrong.
   */
  async renew(): Promise<void> {
    // Under the same token, which one request at a time may have (RFC 7252, section 5.3.1).
    if (!this.#isRegistered) return
    // The answer may be in blocks, and a hub has one body at a time for each peer and resource.
    await this.#fetching
    if (this.#isOver) return
    const known = this.#sequence ?? 0
    // Its value was told, or will be.
    const answer = await this.#register()
    const sequence = findUint(answer.options, OptionNumber.observe)
    if (this.#isOver) return
    if (sequence === undefined || !isNewer(at(known), at(sequence))) {
      this.#host.end(new ThingmeshError('unavailable', 'the hub had let go of an observation', { outcome: 'unknown' }))
    }
  }

  end(): void {
    if (this.#isOver) return
    this.#isOver = true
    this.#host.endpoint.forget(this.#token)
    const options = [...this.#address, uintOption(OptionNumber.observe, Observe.deregister)]
    this.#host.endpoint.tell('confirmable', { code: Code.get, options, payload: noBytes }, this.#token)
  }

  async #register(): Promise<Answer> {
    const options = [...this.#address, uintOption(OptionNumber.observe, Observe.register)]
    this.#isRegistering = true
    const answer = await this.#host.requests.getFirst(options, this.#token).finally(() => {
      this.#isRegistering = false
    })
    if (isRefusal(answer)) throw errorFromAnswer(answer)
    if (findOption(answer.options, OptionNumber.observe) !== undefined) return answer
    // RFC 7641, section 3.1: a server may answer as to any GET.
    throw new ThingmeshError('unsupported', 'the server does not let it be observed', { outcome: 'rejected' })
  }

  #receive(message: CoapMessage, acknowledge: () => void): void {
    if (this.#isOver) return
    if (isRefusal(message)) {
      acknowledge()
      // One that answers a registration is for whoever registers.
      if (!this.#isRegistering) this.#refuse(errorFromAnswer(message))
      return
    }
    this.#sequence = findUint(message.options, OptionNumber.observe) ?? this.#sequence
    this.#work = this.#work.then(() => this.#take(message, acknowledge)).catch(error => this.#host.end(error))
  }

  async #take(message: CoapMessage, acknowledge: () => void): Promise<void> {
    const whole = await this.#whole(message)
    if (this.#isOver) return
    const delivery = message.type === 'confirmable' ? 'at-least-once' : 'at-most-once'
    if (isValue(message) && this.#isNew(message)) {
      await this.#window.admit(() => this.#request.onMessage(this.#toMessage(whole, delivery, false)))
    }
    acknowledge()
  }

  async #whole(first: Answer): Promise<Answer> {
    const fetching = this.#host.requests.whole(first, this.#address)
    this.#fetching = fetching.catch(() => undefined)
    const whole = await fetching
    if (whole !== undefined) return whole
    throw new ThingmeshError('unavailable', 'the rest of a message is gone', { outcome: 'unknown' })
  }

  #isNew({ options }: Answer): boolean {
    const eTag = findOption(options, OptionNumber.eTag)
    if (eTag === undefined) return true
    const text = Buffer.from(eTag).toString('hex')
    if (this.#eTags.has(text)) return false
    this.#eTags.add(text)
    const [oldest] = this.#eTags
    if (this.#eTags.size > eTagsMax && oldest !== undefined) this.#eTags.delete(oldest)
    return true
  }

  /** That we may not any more is the subscription's matter; everything else is the connection's. */
  #refuse(error: ThingmeshError): void {
    this.#isOver = true
    if (error.code === 'permission-denied') this.#host.refused(this, error)
    else this.#host.end(error)
  }

  #toMessage(answer: Answer, delivery: 'at-most-once' | 'at-least-once', retain: boolean): ClientMessage {
    const { payload, options } = answer
    // A hub of ours says where it was published, to whom observes more than one address.
    const topic = parseMessagePath(findStrings(options, OptionNumber.locationPath)) ?? this.#request.filter
    return toClientMessage({ topic, payload, delivery, retain, ...readFacts(options) })
  }

  refuse(error: ThingmeshError): void {
    this.#request.onRefused(error)
  }

  get filter(): string {
    return this.#request.filter
  }
}

/** What has neither content nor a tag says only that it is observed. */
function isValue({ payload, options }: Answer): boolean {
  return payload.length > 0 || findOption(options, OptionNumber.eTag) !== undefined
}

/** Compared by their numbers alone: time does not make an old one new here. */
function at(sequence: number) {
  return { sequence, receivedAtMs: 0 }
}
