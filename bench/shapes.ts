import type { FilterSpread, Qos } from './load/job.ts'

/** Publishers and subscribers that are all there. Each publisher `i` has a topic of its own; what differs is who listens. */
export interface FlowShape {
  readonly kind: 'flow'
  readonly id: 'pairs' | 'fan-in' | 'fan-out' | 'persistent'
  readonly title: string
  readonly qos: readonly Qos[]
  readonly publishers: number
  readonly subscribers: number
  /** Sessions of subscribers outlive their connections: Clean Session 0. */
  readonly persistent: boolean
  /**
   * Messages that one publisher may have published and not yet seen delivered. Chosen so that no subscriber ever has
   * more than 10,000 messages (about 800 KB) waiting: the loop should fill a broker, not overrun its buffers.
   */
  readonly inFlight: number
}

/** What is not a matter of messages a second between peers that are there. */
export interface SpecialShape {
  readonly kind: 'idle' | 'filters' | 'drain'
  readonly id: 'idle' | 'filters' | 'drain'
  readonly title: string
  /** One, whatever was asked for. */
  readonly qos: readonly [Qos]
}

export type Shape = FlowShape | SpecialShape

/** How much of everything the special shapes take. */
export interface Sizes {
  readonly connections: number
  readonly filters: number
  readonly queued: number
}

/** Those of the bars. */
export const DEFAULT_SIZES: Sizes = { connections: 5_000, filters: 100_000, queued: 1_000_000 }

const ALL_QOS = [0, 1, 2] as const

export const SHAPES: readonly Shape[] = [
  {
    kind: 'flow',
    id: 'pairs',
    title: '1:1 (10 pairs)',
    qos: ALL_QOS,
    publishers: 10,
    subscribers: 10,
    persistent: false,
    inFlight: 1_000,
  },
  {
    kind: 'flow',
    id: 'fan-in',
    title: 'fan-in 50→1',
    qos: ALL_QOS,
    publishers: 50,
    subscribers: 1,
    persistent: false,
    inFlight: 200,
  },
  {
    kind: 'flow',
    id: 'fan-out',
    title: 'fan-out 1→200',
    qos: ALL_QOS,
    publishers: 1,
    subscribers: 200,
    persistent: false,
    inFlight: 250,
  },
  {
    kind: 'flow',
    id: 'persistent',
    title: '1→200 persistent sessions',
    qos: [1],
    publishers: 1,
    subscribers: 200,
    persistent: true,
    inFlight: 250,
  },
  { kind: 'idle', id: 'idle', title: 'idle connections', qos: [0] },
  { kind: 'filters', id: 'filters', title: 'distinct filters', qos: [0] },
  { kind: 'drain', id: 'drain', title: 'drain of queues', qos: [1] },
]

/** Sessions that messages wait for in a drain; each has a publisher of its own. */
export const DRAIN_SESSIONS = 10

// What a hub lets one session have by default.
const FILTERS_PER_SESSION = 100
const FEW_FILTERS = 100

/** How many subscribers get a copy of one message. */
export function copiesPerMessage(shape: FlowShape): number {
  return shape.publishers === 1 ? shape.subscribers : 1
}

/** What subscriber `index` subscribes to. */
export function subscriberFilter(shape: FlowShape, index: number, topic: (i: number) => string, all: string): string {
  if (shape.subscribers === 1) return all
  return shape.publishers === 1 ? topic(0) : topic(index)
}

/** The same sessions are there in both cases, and so is the publisher. */
export function filterSpreads(filters: number): { few: FilterSpread; many: FilterSpread } {
  const many = { sessions: Math.ceil(filters / FILTERS_PER_SESSION), perSession: FILTERS_PER_SESSION }
  const sessions = Math.min(FEW_FILTERS, many.sessions)
  return { few: { sessions, perSession: Math.max(1, Math.floor(FEW_FILTERS / sessions)) }, many }
}

/** How many MQTT connections, each with a client id of its own, will come. */
export function connectionsOf(shape: Shape, sizes: Sizes): number {
  switch (shape.kind) {
    case 'flow':
      return shape.publishers + shape.subscribers
    case 'idle':
      return sizes.connections
    case 'filters':
      return filterSpreads(sizes.filters).many.sessions + 1
    case 'drain':
      return DRAIN_SESSIONS * 2
  }
}
