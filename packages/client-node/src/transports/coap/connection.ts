import {
  type ClientMessage,
  type Connection,
  type OutgoingDraft,
  type Published,
  type Subscribed,
  type SubscribeRequest,
  ThingmeshError,
  toClientMessage,
  toThingmeshError,
} from '@thingmesh/core'
import { Code, OptionNumber, stringOption } from '@thingmesh/core/coap'
import type { CoapEndpoint } from './endpoint.ts'
import {
  type CoapWho,
  errorFromAnswer,
  isRefusal,
  readFacts,
  toAddress,
  toPublishOptions,
  toTarget,
} from './mapping.ts'
import { Observation, type ObservationHost } from './observation.ts'
import type { CoapRequests } from './requests.ts'
import type { Windows } from './windows.ts'

export interface CoapParts {
  readonly endpoint: CoapEndpoint
  readonly requests: CoapRequests
  readonly windows: Windows
  readonly who: CoapWho
  readonly checkMs: number
  /** Closes the socket. */
  readonly release: () => void
}

/** A hub over CoAP. */
export class CoapConnection implements Connection {
  /** RFC 7252, section 4.7: one exchange at a time; and two of them may overtake each other. */
  readonly inFlightMax = 1
  readonly closed: Promise<ThingmeshError>
  readonly #parts: CoapParts
  readonly #observations = new Map<string, Observation>()
  readonly #host: ObservationHost
  #resolveClosed!: (reason: ThingmeshError) => void
  #ended = false
  #timer: NodeJS.Timeout | undefined

  constructor(parts: CoapParts) {
    this.#parts = parts
    this.closed = new Promise(resolve => {
      this.#resolveClosed = resolve
    })
    this.#host = {
      endpoint: parts.endpoint,
      requests: parts.requests,
      windows: parts.windows,
      end: error => this.end(toThingmeshError(error)),
      refused: (observation, error) => {
        this.#observations.delete(observation.filter)
        observation.refuse(error)
      },
    }
    this.#checkLater()
  }

  async publish(draft: OutgoingDraft): Promise<Published> {
    this.#checkLive()
    const { topic, payload, delivery, retain } = draft
    const { requests, who } = this.#parts
    const options = [...toAddress(topic, who), ...toPublishOptions(draft)]
    const request = { code: retain ? Code.put : Code.post, options, payload }
    if (delivery === 'at-most-once') {
      await this.#watched(requests.tell(request))
      return {}
    }
    const answer = await this.#watched(requests.send(request))
    if (isRefusal(answer)) throw this.#weighed(errorFromAnswer(answer))
    return {}
  }

  /** Never resumed: CoAP has no place to say where one was (RFC 7641 gives the newest value, and not all of them). */
  async subscribe(request: SubscribeRequest): Promise<Subscribed> {
    this.#checkLive()
    const observation = new Observation(request, toAddress(request.filter, this.#parts.who), this.#host)
    this.#observations.get(request.filter)?.end()
    this.#observations.set(request.filter, observation)
    try {
      await this.#watched(observation.begin())
    } catch (error) {
      if (this.#observations.get(request.filter) === observation) this.#observations.delete(request.filter)
      throw asFull(toThingmeshError(error))
    }
    if (this.#ended) throw new ThingmeshError('unavailable', 'the connection is over', { outcome: 'unknown' })
    return { resumed: false }
  }

  async unsubscribe(filter: string): Promise<void> {
    this.#observations.get(filter)?.end()
    this.#observations.delete(filter)
    this.#parts.windows.forget(filter)
  }

  /** Of one address: a GET of CoAP is of one resource. Throws `unsupported` for a pattern. */
  async latest(filter: string): Promise<readonly ClientMessage[]> {
    this.#checkLive()
    if (/[+#]/.test(filter)) {
      throw new ThingmeshError('unsupported', 'coap has the last value of one address', { outcome: 'not-sent' })
    }
    const options = toAddress(filter, this.#parts.who)
    const answer = await this.#watched(this.#parts.requests.get(options))
    if (answer.code === Code.notFound) return []
    if (isRefusal(answer)) throw this.#weighed(errorFromAnswer(answer))
    const { payload } = answer
    const delivery = 'at-least-once'
    return [toClientMessage({ topic: filter, payload, delivery, retain: true, ...readFacts(answer.options) })]
  }

  check(): void {
    this.#check().catch((thrown: unknown) => this.end(toThingmeshError(thrown)))
  }

  async close(): Promise<void> {
    if (this.#ended) return
    for (const observation of this.#observations.values()) observation.end()
    this.end(new ThingmeshError('canceled', 'the connection was closed here', { outcome: 'unknown' }))
  }

  /** Proves the credential: a list of nothing is the smallest answer that needs one. Rejects with the hub's refusal. */
  async greet(): Promise<void> {
    const { requests, who } = this.#parts
    const nothing = stringOption(OptionNumber.uriQuery, 'rt=-')
    const answer = await requests.get([...toTarget(['.well-known', 'core'], who), nothing])
    if (isRefusal(answer)) throw errorFromAnswer(answer)
  }

  end(reason: ThingmeshError): void {
    if (this.#ended) return
    this.#ended = true
    clearTimeout(this.#timer)
    const { code, message } = reason
    const told = new ThingmeshError(code === 'timeout' ? code : 'unavailable', message, {
      cause: reason,
      outcome: 'unknown',
    })
    this.#parts.endpoint.close(told)
    this.#parts.release()
    this.#resolveClosed(reason)
  }

  #checkLive(): void {
    if (this.#ended) throw new ThingmeshError('unavailable', 'the connection is over', { outcome: 'not-sent' })
  }

  /** What got no answer is the end of the connection. */
  async #watched<Value>(answer: Promise<Value>): Promise<Value> {
    try {
      return await answer
    } catch (thrown) {
      throw this.#weighed(toThingmeshError(thrown))
    }
  }

  /** So is a hub that does not know us any more. */
  #weighed(error: ThingmeshError): ThingmeshError {
    if (error.outcome !== 'rejected' || error.code === 'unauthenticated') this.end(error)
    return error
  }

  #checkLater(): void {
    this.#timer = setTimeout(() => {
      this.#check().then(
        () => this.#ended || this.#checkLater(),
        (thrown: unknown) => this.end(toThingmeshError(thrown)),
      )
    }, this.#parts.checkMs)
    this.#timer.unref()
  }

  /** RFC 7641, section 3.3.1: whoever hears nothing does not know whether there is nothing, or nobody. */
  async #check(): Promise<void> {
    if (this.#observations.size === 0) return this.greet()
    for (const observation of [...this.#observations.values()]) {
      await observation.renew().catch((thrown: unknown) => {
        const error = toThingmeshError(thrown)
        if (error.code !== 'permission-denied') throw error
        this.#host.refused(observation, error)
      })
    }
  }
}

/** A hub that answers is there: what it has no room for is one observation more (RFC 7252, section 5.9.3.4). */
function asFull(error: ThingmeshError): ThingmeshError {
  if (error.code !== 'unavailable' || error.outcome !== 'rejected') return error
  const { message, details, retryAfterSeconds } = error
  return new ThingmeshError('rate-limited', message, {
    outcome: 'rejected',
    details,
    ...(retryAfterSeconds === undefined ? {} : { retryAfterSeconds }),
  })
}
