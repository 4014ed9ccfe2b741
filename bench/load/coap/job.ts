import type { ClientSpec, JobTarget, LatencyResult, Tally, Window } from '../job.ts'

/** Where an endpoint asks, and what it says of itself, in the segments of a path and the parts of a query. */
export interface EndpointSpec {
  readonly path: readonly string[]
  readonly query: readonly string[]
}

interface CoapJobBase extends JobTarget {
  readonly endpoints: readonly EndpointSpec[]
  /** Each proves its address beforehand, by Echo (RFC 9175). */
  readonly proves: boolean
  readonly payloadBytes: number
}

/** As many requests as the server answers, from endpoints that each wait for some. */
export interface RequestsJob extends CoapJobBase {
  readonly kind: 'requests'
  readonly method: 'get' | 'post'
  /** Unanswered requests per endpoint. */
  readonly inFlight: number
  readonly warmupMs: number
  readonly windowMs: number
}

/** How long it takes until the last of many observers has what was published. */
export interface ObserversJob extends CoapJobBase {
  readonly kind: 'observers'
  /** Registered by CON, so that each notification is one. */
  readonly confirmable: boolean
  readonly perEndpoint: number
  readonly publisher: EndpointSpec
  readonly rounds: number
}

/** From a publisher of MQTT, QoS 1, to an observer of CoAP, at a fixed rate. */
export interface CrossingJob extends CoapJobBase {
  readonly kind: 'crossing'
  readonly mqtt: { readonly host: string; readonly port: number }
  /** Publisher `i` publishes what endpoint `i` observes. */
  readonly publishers: readonly ClientSpec[]
  readonly messagesPerSecond: number
  readonly warmupMs: number
  readonly durationMs: number
}

export type CoapJob = RequestsJob | ObserversJob | CrossingJob

/** How every request came out. */
export interface RequestsTally {
  readonly sent: number
  readonly answered: number
  /** Answers with another code than was asked for; a reset is one. */
  readonly refused: number
  /** Never answered, though sent as often as a CON may be (RFC 7252, section 4.8). */
  readonly lost: number
  /** Sent again for want of an answer. */
  readonly resent: number
  /** Answers to what was answered already. */
  readonly duplicated: number
  /** Answers that are not what was asked for, or are no CoAP. */
  readonly corrupt: number
}

export interface RequestsResult {
  readonly kind: 'requests'
  readonly window: Window
  /** Inside the window. */
  readonly answered: number
  /** From a request to its answer, in the closed loop. */
  readonly latency: LatencyResult
  readonly tally: RequestsTally
}

export interface ObserversResult {
  readonly kind: 'observers'
  /** From the first publish to the last notification of the last round. */
  readonly window: Window
  readonly observers: number
  readonly registerSeconds: number
  /** From the POST to the last notification, each time. */
  readonly roundsMs: readonly number[]
  /** All notifications together. */
  readonly notified: number
  readonly duplicated: number
  readonly corrupt: number
}

export interface CrossingResult {
  readonly kind: 'crossing'
  readonly window: Window
  readonly latency: LatencyResult
  readonly tally: Tally
}

export type CoapResult = RequestsResult | ObserversResult | CrossingResult
