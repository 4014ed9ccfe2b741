/** Who talks to whom. Each publisher `i` has a topic of its own; what differs is who listens. */
export interface Shape {
  readonly id: 'pairs' | 'fan-in' | 'fan-out'
  readonly title: string
  readonly publishers: number
  readonly subscribers: number
  /**
   * Messages that one publisher may have published and not yet seen delivered. Chosen so that no subscriber ever has
   * more than 10,000 messages (about 800 KB) waiting: the loop should fill a broker, not overrun its buffers.
   */
  readonly inFlight: number
}

export const SHAPES: readonly Shape[] = [
  { id: 'pairs', title: '1:1 (10 pairs)', publishers: 10, subscribers: 10, inFlight: 1_000 },
  { id: 'fan-in', title: 'fan-in 50→1', publishers: 50, subscribers: 1, inFlight: 200 },
  { id: 'fan-out', title: 'fan-out 1→200', publishers: 1, subscribers: 200, inFlight: 250 },
]

/** How many subscribers get a copy of one message. */
export function copiesPerMessage(shape: Shape): number {
  return shape.id === 'fan-out' ? shape.subscribers : 1
}

/** What subscriber `index` subscribes to. */
export function subscriberFilter(shape: Shape, index: number, topic: (i: number) => string, all: string): string {
  if (shape.id === 'fan-in') return all
  return shape.id === 'fan-out' ? topic(0) : topic(index)
}
