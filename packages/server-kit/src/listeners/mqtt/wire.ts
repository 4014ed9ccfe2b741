import type { ThingmeshError } from '@thingmesh/core'

/** The bytes' way out: a TCP socket, a WebSocket, a test. */
export interface Wire {
  /** As much waits on it as it may hold: at-most-once messages are dropped, others wait. */
  readonly isFull: boolean
  /** Copies the bytes. They leave at the end of the event loop's turn. */
  write(bytes: Uint8Array): void
  /** The same, with the packet id set at the offset and DUP set in the first byte. */
  writePublish(bytes: Uint8Array, packetIdOffset: number, packetId: number, dup: boolean): void
  /** Stops and goes on reading: how a peer without flow control of its own is made to wait. */
  pause(): void
  resume(): void
  /** Sends what was written and closes. With an error, the peer broke a rule or a limit: counted by what it says. */
  end(error?: ThingmeshError): void
}
