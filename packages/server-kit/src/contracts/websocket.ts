import type { ListenerContext } from './listener.ts'
import type { Caller } from './upgrade.ts'

/** A protocol over WebSocket (RFC 6455), and where it is found. */
export interface WebSocketRoute {
  /** `/mqtt`, or where the paths of this route begin: what it is called in metrics. */
  readonly path: string
  /** Whether a path is this route's. Percent-encoded as it came, without the query. */
  isAt(path: string): boolean
  /** The first of these that the client offers is spoken. */
  readonly subprotocols: readonly string[]
  /** Whether a client that offers no subprotocol at all is let in. */
  readonly subprotocolOptional: boolean
  /** False: a text message ends the connection (1003). */
  readonly takesText: boolean
  /** Of one message, all its frames together; beyond it the connection ends (1009). */
  readonly messageBytesMax: number
  /** Of everything a peer sends, frames and all, before it has proved who it is. Beyond it the connection is cut. */
  readonly unprovenBytesMax: number
  start(context: ListenerContext, door: string): void
  /** Ends its connections, within a second or two. Settles when it needs nothing of the hub any more. */
  stop(): void | Promise<void>
  /** Undefined where there is no room, which it counts. */
  accept(connection: WebSocketConnection, opening: WebSocketOpening): WebSocketHandler | undefined
}

/** What the client asked with. */
export interface WebSocketOpening extends Caller {
  /** Path and query, percent-encoded as they came. */
  readonly target: string
  readonly authorization: string | undefined
  /** As offered, in that order. What is spoken is the connection's. */
  readonly offered: readonly string[]
}

/** What a route does with one connection. Nothing of it throws. */
export interface WebSocketHandler {
  /** The peer has proved who it is. */
  readonly isProven: boolean
  /** A whole message. Text is valid UTF-8. */
  received(bytes: Uint8Array, isText: boolean): void
  /** Once, at the end, whatever it came by. `farewell`: the peer closed it of its own accord. */
  closed(farewell: boolean): void
}

/** One WebSocket, open. */
export interface WebSocketConnection {
  /** `''` where none was agreed on. */
  readonly subprotocol: string
  /** Sent and not yet given to the system. */
  readonly bufferedBytes: number
  readonly isClosed: boolean
  readonly isPaused: boolean
  /** When something last came from the peer, pongs too: monotonic, in milliseconds. */
  readonly heardAtMs: number
  /** Keeps the bytes until it calls back: they have left, or never will. In the order of the calls. Text is valid UTF-8. */
  send(bytes: Uint8Array, onSent: () => void, isText?: boolean): void
  /** Asks the peer for a sign of life. */
  ping(): void
  /** Between the two, messages leave together. */
  cork(): void
  uncork(): void
  /** Nothing is received from here on, until `resume`. */
  pause(): void
  resume(): void
  /** Begins the closing handshake, behind what was sent. Codes: RFC 6455, section 7.4. The reason is cut where it is above 123 bytes. */
  close(code: number, reason?: string): void
  /** Cuts the connection. */
  destroy(): void
}
