import type { Transport } from '../client/index.ts'

/** What not every transport can. One without a capability runs the cases that do not need it. */
export type TransportCapability =
  /** There is a network in between, which can break. */
  | 'network'
  /** What came while there was no connection comes on the next one. */
  | 'resume'
  /** What the readers have not taken waits at the hub. */
  | 'backpressure'
  /** A subscription begins with the last values, which say that they are. */
  | 'replay'
  /** Reply topics, correlation and headers travel. */
  | 'properties'
  | 'latest'
  | 'history'

/**
 * A running hub, for one case. It has a channel `telemetry`, which a thing may publish to, subscribe to and read, and a channel
 * `secrets`, of which the thing may do nothing.
 */
export interface TransportSite {
  /** The thing's, a new one each time. A network that is silent, or that is not there, it notices within a few seconds. */
  transport(): Transport
  /** The same with a wrong key. */
  stranger(): Transport
  /** Somebody else's message to `telemetry/<subtopic>`: at-least-once, text. Settles when it is in the log. */
  publish(text: string, subtopic: string): Promise<void>
  /** The texts in the log of `telemetry`, in its order. */
  stored(): Promise<readonly string[]>
  stop(): Promise<void>
  /** On the same data and at the same address. */
  start(): Promise<void>
  /** What the thing may do of `telemetry`: all, or nothing. */
  grant(all: boolean): Promise<void>
  /** Takes the thing away, and its key. */
  removeThing(): Promise<void>
  /** Breaks every connection. For `network`, as are the two below. */
  cut(): void
  /** From now on nothing comes through, and nobody is told. */
  freeze(): void
  /** Connections that are opened from now on come through. */
  thaw(): void
}
