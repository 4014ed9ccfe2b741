import type {
  ListenerContext,
  WebSocketConnection,
  WebSocketHandler,
  WebSocketOpening,
  WebSocketRoute,
} from '../../contracts/index.ts'
import { checkOptions, withDefaults } from '../../contracts/options.ts'
import { webSocketFraming } from './framing.ts'
import { type CoapOverWebSocketOptions, defaultReliableLimits, type ReliableLimits, reliableRules } from './options.ts'
import type { ReliableWire } from './reliable-connection.ts'
import { ReliableConnections } from './reliable-connections.ts'

/** Frame headers and masks of what comes before the peer's settings. */
const framingBytes = 1_024
/** RFC 6455, section 7.4.1. */
const closeCodes = { release: 1000, abort: 1002 } as const

/** CoAP over WebSocket (RFC 8323, section 4), with the same resources as over UDP, for `webSockets({ routes })`. */
export function coapOverWebSocket(options: CoapOverWebSocketOptions = {}): WebSocketRoute {
  checkOptions('coapOverWebSocket', options, defaultReliableLimits, reliableRules)
  return new CoapOverWebSocket(withDefaults(defaultReliableLimits, options as Partial<ReliableLimits>))
}

class CoapOverWebSocket implements WebSocketRoute {
  /** Where it is, whatever the resource (RFC 8323, section 4.1). */
  readonly path = '/.well-known/coap'
  readonly subprotocols = ['coap']
  readonly subprotocolOptional = false
  readonly takesText = false
  readonly messageBytesMax: number
  readonly unprovenBytesMax: number
  readonly #connections: ReliableConnections

  constructor(limits: ReliableLimits) {
    this.messageBytesMax = limits.messageBytesMax
    this.unprovenBytesMax = limits.messageBytesMax + framingBytes
    this.#connections = new ReliableConnections(limits, 'websocket')
  }

  isAt(path: string): boolean {
    return path === this.path
  }

  start(context: ListenerContext, door: string): void {
    this.#connections.start(context, door)
  }

  stop(): Promise<void> {
    return this.#connections.end()
  }

  accept(webSocket: WebSocketConnection, { peer }: WebSocketOpening): WebSocketHandler | undefined {
    const giveBack = this.#connections.admit(peer.address)
    if (giveBack === undefined) return undefined
    const wire = toWire(webSocket, () => connection.drained())
    const connection = this.#connections.open(wire, webSocketFraming, peer)
    return {
      /** Each request proves it for itself; before its settings a peer has nothing to ask. */
      get isProven() {
        return connection.isSettled
      },
      received: bytes => connection.receive(bytes),
      closed: () => {
        giveBack()
        this.#connections.closed(connection)
      },
    }
  }
}

function toWire(webSocket: WebSocketConnection, onDrained: () => void): ReliableWire {
  return {
    get waitingBytes() {
      return webSocket.bufferedBytes
    },
    write(bytes, onTaken) {
      if (webSocket.isClosed) return
      webSocket.send(bytes, () => {
        if (webSocket.isClosed) return
        onTaken?.()
        if (webSocket.bufferedBytes === 0) onDrained()
      })
    },
    pause: () => webSocket.pause(),
    resume: () => webSocket.resume(),
    end: because => webSocket.close(closeCodes[because]),
    destroy: () => webSocket.destroy(),
  }
}
