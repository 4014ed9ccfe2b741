/** One MQTT connection of the load generator. `topic` is what it publishes to, or the filter it subscribes to. */
export interface ClientSpec {
  readonly clientId: string
  readonly username?: string
  readonly password?: string
  readonly topic: string
  /** Its session outlives its connection: Clean Session 0. */
  readonly persistent?: boolean
}

export type Qos = 0 | 1 | 2

/** What every job says: where the broker is, and where to look for its figures. */
export interface JobTarget {
  readonly host: string
  readonly port: number
  /** Read in /proc at both ends of a measured window. */
  readonly brokerPid: number
  /** Where both are pinned, to see who else was there; `undefined` when they are not. */
  readonly cores: { readonly broker: number; readonly load: number } | undefined
}

/** What every job over MQTT says besides. */
interface JobBase extends JobTarget {
  /** SIGUSR2 makes the broker collect its garbage. */
  readonly collectsGarbage: boolean
  readonly qos: Qos
  readonly payloadBytes: number
  /** QoS 1 and 2: publishes whose exchange is not over, per publisher. */
  readonly ackWindow: number
}

/** As many messages as the broker carries, from publishers to subscribers that are all there. */
export interface FlowJob extends JobBase {
  readonly kind: 'flow'
  readonly publishers: readonly ClientSpec[]
  readonly subscribers: readonly ClientSpec[]
  /** How many subscribers get each message. */
  readonly copiesPerMessage: number
  /** Undelivered messages per publisher. */
  readonly inFlight: number
  readonly warmupMs: number
  readonly windowMs: number
  /** Deliveries a second in the latency phase, over all subscribers; 0 leaves the phase out. */
  readonly latencyRate: number
  readonly latencyMs: number
}

/** Connections that say nothing: how long they take to come, and what each holds resident. */
export interface IdleJob extends JobBase {
  readonly kind: 'idle'
  readonly clients: readonly ClientSpec[]
  /** CONNECTs that wait for their CONNACK at a time. */
  readonly atOnce: number
  /** From the last CONNACK to the reading of the memory. */
  readonly settleMs: number
}

/** One publisher, never the same topic twice; each message matches one filter of one subscriber. */
export interface FiltersJob extends JobBase {
  readonly kind: 'filters'
  readonly publisher: ClientSpec
  readonly subscribers: readonly ClientSpec[]
  /** What the topics and filters start with. */
  readonly channel: string
  readonly few: FilterSpread
  readonly many: FilterSpread
  readonly inFlight: number
  readonly warmupMs: number
  readonly windowMs: number
}

/** How the filters lie over the subscribers: the first `sessions` of them have `perSession` each. */
export interface FilterSpread {
  readonly sessions: number
  readonly perSession: number
}

/** Messages that wait for persistent sessions which are away, and what their return costs. */
export interface DrainJob extends JobBase {
  readonly kind: 'drain'
  readonly publishers: readonly ClientSpec[]
  readonly subscribers: readonly ClientSpec[]
  readonly messagesPerSession: number
  /** Given up when nothing more comes for so long. */
  readonly quietMs: number
}

export type MqttJob = FlowJob | IdleJob | FiltersJob | DrainJob

export interface LatencyResult {
  readonly samples: number
  readonly p50Ms: number
  readonly p99Ms: number
  readonly maxMs: number
}

/** How every message that was sent came out, judged after the generator stopped and the broker went quiet. */
export interface Tally {
  readonly sent: number
  /** QoS 1 and 2 only: the exchange with the publisher ended. */
  readonly acked: number
  readonly expected: number
  readonly delivered: number
  /** Expected deliveries that never came; at QoS 1 and 2 only those of messages that the broker took. */
  readonly lost: number
  readonly duplicated: number
  readonly reordered: number
  readonly corrupt: number
  /** QoS 2 only: deliveries that the broker never released. */
  readonly unreleased: number
  /** QoS 2 only: packet ids that it used for something new before it had released what they stood for. */
  readonly misused: number
}

/** What one stretch of time cost whom. */
export interface Window {
  readonly seconds: number
  /** Both ends, on the clock that every process of the machine shares (`process.hrtime`). */
  readonly startMicros: number
  readonly endMicros: number
  readonly brokerCpuSeconds: number | undefined
  /** At the end. */
  readonly brokerRssBytes: number | undefined
  /** Since the broker started, or since its peak was last forgotten. */
  readonly brokerRssPeakBytes: number | undefined
  readonly loadCpuSeconds: number
  /** What anybody else used of the two cores. Above a few per cent the figures are not to be trusted. */
  readonly othersCpuSeconds: { readonly brokerCore: number; readonly loadCore: number } | undefined
}

export interface FlowResult {
  readonly kind: 'flow'
  readonly window: Window
  /** Deliveries inside the window. */
  readonly delivered: number
  /** How often a publisher waited 500 ms for deliveries that did not come. */
  readonly stalls: number
  readonly tally: Tally
  /** False when deliveries were still coming as the bench gave up: then what is missing is late, not proved lost. */
  readonly drained: boolean
  readonly latency: LatencyResult | { readonly missing: string } | undefined
}

export interface IdleResult {
  readonly kind: 'idle'
  /** From the first CONNECT to the last CONNACK. */
  readonly window: Window
  readonly connections: number
  /** After a collection of the garbage, where the broker can be told to. */
  readonly rssBeforeBytes: number | undefined
  /** With all of them there, after the time to settle. */
  readonly rssAfterBytes: number | undefined
  /** The same after one more collection; `undefined` where there is none. */
  readonly rssCollectedBytes: number | undefined
  /** Answered a PINGREQ at the end. */
  readonly alive: number
}

export interface FiltersResult {
  readonly kind: 'filters'
  readonly few: FiltersReading
  readonly many: FiltersReading
  /** Deliveries to somebody other than the one whose filter matches, or that came twice. */
  readonly misrouted: number
  readonly lost: number
}

export interface FiltersReading {
  readonly filters: number
  readonly window: Window
  readonly delivered: number
  /** What subscribing took. */
  readonly subscribeSeconds: number
}

export interface DrainResult {
  readonly kind: 'drain'
  /** From the first CONNECT of a returning session to the last delivery. */
  readonly window: Window
  readonly queued: number
  readonly fillSeconds: number
  readonly delivered: number
  readonly duplicated: number
  readonly reordered: number
  readonly corrupt: number
  /** Before the first message was queued, and before the first session came back; garbage collected where that can be told. */
  readonly rssEmptyBytes: number | undefined
  readonly rssFullBytes: number | undefined
  /** Between the return and the end. */
  readonly rssPeakBytes: number | undefined
}

export type MqttResult = FlowResult | IdleResult | FiltersResult | DrainResult
