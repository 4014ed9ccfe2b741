import type { CancelSignal } from '../platform.ts'

/** What carries MQTT's bytes: a TCP or TLS socket, or a WebSocket. */
export interface Wire {
  /** Bytes that were sent and have not left. */
  readonly bufferedBytes: number
  send(bytes: Uint8Array): void
  /** After what was sent, where the other side still listens. Idempotent. */
  end(): void
  /** At once. Idempotent. */
  destroy(): void
}

export interface WireHandlers {
  /** The bytes are the handler's from then on. */
  onBytes(bytes: Uint8Array): void
  /** Once, and nothing after it. */
  onClosed(cause: unknown): void
}

/** Opens a wire. Rejects with what kept it from opening; the signal ends the attempt. */
export type Dial = (handlers: WireHandlers, signal: CancelSignal) => Promise<Wire>
