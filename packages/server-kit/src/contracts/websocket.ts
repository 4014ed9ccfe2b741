import type { Peer } from './authenticate.ts'
import type { ListenerContext } from './listener.ts'

/** A protocol over WebSocket (RFC 6455), and where it is found. */
export interface WebSocketRoute {
  /** `/mqtt`: exactly. */
  readonly path: string
  /** The client must offer one of these; the first of them that it offers is spoken. */
  readonly subprotocols: readonly string[]
  /** False: a text message ends the connection (1003). */
  readonly takesText: boolean
  /** Of one message, all its frames together; beyond it the connection ends (1009). */
  readonly messageBytesMax: number
  /** Of everything a peer sends, frames and all, before it has proved who it is. Beyond it the connection is cut. */
  readonly unprovenBytesMax: number
  start(context: ListenerContext, door: string): void
  /** Ends its connections, within a second or two. */
  stop(): void
  /** Undefined where there is no room, which it counts. */
  accept(connection: WebSocketConnection, peer: Peer): WebSocketHandler | undefined
}

/** What a route does with one connection. Nothing of it throws. */
export interface WebSocketHandler {
  /** The peer has proved who it is. */
  readonly isProven: boolean
  /** A whole message. */
  received(bytes: Uint8Array): void
  /** Once, at the end, whatever it came by. */
  closed(): void
}

/** One WebSocket, open. */
export interface WebSocketConnection {
  readonly subprotocol: string
  /** Sent and not yet given to the system. */
  readonly bufferedBytes: number
  readonly isClosed: boolean
  readonly isPaused: boolean
  /** As a binary message. Keeps the bytes until it calls back: they have left, or never will. In the order of the calls. */
  send(bytes: Uint8Array, onSent: () => void): void
  /** Between the two, messages leave together. */
  cork(): void
  uncork(): void
  /** Nothing is received from here on, until `resume`. */
  pause(): void
  resume(): void
  /** Begins the closing handshake, behind what was sent. Codes: RFC 6455, section 7.4. */
  close(code: number): void
  /** Cuts the connection. */
  destroy(): void
}
