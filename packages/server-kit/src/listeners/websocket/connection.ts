import type { Duplex } from 'node:stream'
import type { RawData, WebSocket } from 'ws'
import type { Peer, WebSocketConnection, WebSocketHandler, WebSocketRoute } from '../../contracts/index.ts'
import type { WebSocketCounters, WebSocketRefusal } from './counters.ts'

export interface Opened {
  readonly webSocket: WebSocket
  /** What it runs on. */
  readonly socket: Duplex
  readonly route: WebSocketRoute
  readonly peer: Peer
  readonly counters: WebSocketCounters
}

/** RFC 6455, section 7.4.1. */
const unsupportedData = 1003
const tryAgainLater = 1013
/** Answers to pings are sent as long as no more than this waits. */
const pongBytesMax = 16 * 1024

/** Joins an open WebSocket with its route. */
export function openConnection({ webSocket, socket, route, peer, counters }: Opened): void {
  const connection = new Connection(webSocket, socket)
  const handler = route.accept(connection, peer)
  let isClosed = false
  const closed = () => {
    if (isClosed) return
    isClosed = true
    handler?.closed()
  }
  // The library has told the peer, and closes.
  webSocket.on('error', error => {
    counters[refusalOf(error)].value += 1
    closed()
  })
  if (handler === undefined) {
    counters.room.value += 1
    webSocket.close(tryAgainLater)
    return
  }
  webSocket.on('close', closed)
  webSocket.on('message', (data: RawData, isBinary: boolean) => {
    if (isClosed) return
    if (isBinary || route.takesText) connection.receive(data as Buffer, handler)
    else {
      counters.text.value += 1
      webSocket.close(unsupportedData)
      closed()
    }
  })
  // Not one pong for each ping, whatever the peer reads: only the latest needs an answer (section 5.5.3).
  webSocket.on('ping', data => {
    if (socket.writableLength <= pongBytesMax) webSocket.pong(data)
  })
  let unprovenBytes = 0
  const count = (chunk: Buffer) => {
    unprovenBytes += chunk.length
    if (handler.isProven) socket.off('data', count)
    // Paused: the hub is finding out who it is, and what is read ahead of that is one chunk.
    else if (unprovenBytes > route.unprovenBytesMax && !webSocket.isPaused) {
      counters['unproven-bytes'].value += 1
      webSocket.terminate()
    }
  }
  socket.on('data', count)
}

class Connection implements WebSocketConnection {
  readonly #webSocket: WebSocket
  readonly #socket: Duplex
  #isPaused = false
  /** Read before the pause and not yet given on: what one read of the socket held. */
  #held: { readonly bytes: Uint8Array; readonly handler: WebSocketHandler }[] = []

  constructor(webSocket: WebSocket, socket: Duplex) {
    this.#webSocket = webSocket
    this.#socket = socket
  }

  get subprotocol(): string {
    return this.#webSocket.protocol
  }

  get bufferedBytes(): number {
    return this.#webSocket.bufferedAmount
  }

  get isClosed(): boolean {
    return this.#webSocket.readyState !== this.#webSocket.OPEN
  }

  get isPaused(): boolean {
    return this.#isPaused
  }

  receive(bytes: Uint8Array, handler: WebSocketHandler): void {
    if (this.#isPaused) this.#held.push({ bytes, handler })
    else handler.received(bytes)
  }

  send(bytes: Uint8Array, onSent: () => void): void {
    this.#webSocket.send(bytes, { binary: true }, onSent)
  }

  cork(): void {
    this.#socket.cork()
  }

  uncork(): void {
    this.#socket.uncork()
  }

  pause(): void {
    this.#isPaused = true
    this.#webSocket.pause()
  }

  resume(): void {
    this.#isPaused = false
    while (!this.#isPaused) {
      const next = this.#held.shift()
      if (next === undefined) {
        this.#webSocket.resume()
        return
      }
      next.handler.received(next.bytes)
    }
  }

  close(code: number): void {
    this.#held = []
    // The peer's own close comes behind whatever it has sent.
    this.resume()
    this.#webSocket.close(code)
  }

  destroy(): void {
    this.#webSocket.terminate()
  }
}

function refusalOf(error: NodeJS.ErrnoException): WebSocketRefusal {
  return error.code === 'WS_ERR_UNSUPPORTED_MESSAGE_LENGTH' ? 'message-bytes' : 'malformed'
}
