import type { ThingmeshError } from '@thingmesh/core'

/** What carries a connection's bytes: a TCP or TLS socket, a WebSocket. In the words of Node's sockets, which are the model. */
export interface Carrier {
  /** Written and not yet given to the system. */
  readonly writableLength: number
  readonly isDestroyed: boolean
  readonly isPaused: boolean
  /** Calls back when the bytes have left, or never will. In the order of the calls. */
  write(bytes: Uint8Array, onWritten: () => void): void
  /** Between the two, writes leave together. */
  cork(): void
  uncork(): void
  pause(): void
  resume(): void
  /** Closes when what was written has left, without waiting for the peer to close its side. With an error, the peer broke a rule or a limit. */
  end(error?: ThingmeshError): void
  /** Closes at once. */
  destroy(): void
}
