import type { Duplex } from 'node:stream'
import type { RawData, WebSocket } from 'ws'
import type { WebSocketConnection, WebSocketHandler, WebSocketOpening, WebSocketRoute } from '../../contracts/index.ts'
import type { WebSocketCounters, WebSocketRefusal } from './counters.ts'

export interface Opened {
  readonly webSocket: WebSocket
  /** What it runs on. */
  readonly socket: Duplex
  readonly route: WebSocketRoute
  readonly opening: WebSocketOpening
  readonly counters: WebSocketCounters
}

/** RFC 6455, section 7.4.1. */
const unsupportedData = 1003
/** Normal closure, and a page that is left. */
const farewells: ReadonlySet<number> = new Set([1000, 1001])
/** RFC 6455, section 5.5: what a control frame holds, without the code. */
const reasonBytesMax = 123
const tryAgainLater = 1013
/** Answers to pings are sent as long as no more than this waits. */
const pongBytesMax = 16 * 1024

/** Joins an open WebSocket with its route. */
export function openConnection({ webSocket, socket, route, opening, counters }: Opened): void {
  const connection = new Connection(webSocket, socket)
  const handler = route.accept(connection, opening)
  let isClosed = false
  const closed = (farewell: boolean) => {
    if (isClosed) return
    isClosed = true
    handler?.closed(farewell)
  }
  // The library has told the peer, and closes.
  webSocket.on('error', error => {
    counters[refusalOf(error)].value += 1
    closed(false)
  })
  if (handler === undefined) {
    counters.room.value += 1
    webSocket.close(tryAgainLater)
    return
  }
  webSocket.on('close', code => closed(farewells.has(code)))
  webSocket.on('message', (data: RawData, isBinary: boolean) => {
    if (isClosed) return
    connection.heardAtMs = performance.now()
    if (isBinary || route.takesText) connection.receive({ bytes: data as Buffer, isText: !isBinary, handler })
    else {
      counters.text.value += 1
      webSocket.close(unsupportedData)
      closed(false)
    }
  })
  // Not one pong for each ping, whatever the peer reads: only the latest needs an answer (section 5.5.3).
  webSocket.on('ping', data => {
    connection.heardAtMs = performance.now()
    if (socket.writableLength <= pongBytesMax) webSocket.pong(data)
  })
  webSocket.on('pong', () => {
    connection.heardAtMs = performance.now()
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

interface Received {
  readonly bytes: Uint8Array
  readonly isText: boolean
  readonly handler: WebSocketHandler
}

class Connection implements WebSocketConnection {
  heardAtMs = performance.now()
  readonly #webSocket: WebSocket
  readonly #socket: Duplex
  #isPaused = false
  /** Read before the pause and not yet given on: what one read of the socket held. */
  #held: Received[] = []

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

  receive(received: Received): void {
    if (this.#isPaused) this.#held.push(received)
    else received.handler.received(received.bytes, received.isText)
  }

  send(bytes: Uint8Array, onSent: () => void, isText = false): void {
    this.#webSocket.send(bytes, { binary: !isText }, onSent)
  }

  ping(): void {
    if (!this.isClosed) this.#webSocket.ping()
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
      next.handler.received(next.bytes, next.isText)
    }
  }

  close(code: number, reason = ''): void {
    this.#held = []
    // The peer's own close comes behind whatever it has sent.
    this.resume()
    const text = new Uint8Array(reasonBytesMax)
    // Whole characters.
    const { written } = new TextEncoder().encodeInto(reason, text)
    this.#webSocket.close(code, text.subarray(0, written) as Buffer)
  }

  destroy(): void {
    this.#webSocket.terminate()
  }
}

function refusalOf(error: NodeJS.ErrnoException): WebSocketRefusal {
  return error.code === 'WS_ERR_UNSUPPORTED_MESSAGE_LENGTH' ? 'message-bytes' : 'malformed'
}
