import type {
  ListenerContext,
  WebSocketConnection,
  WebSocketHandler,
  WebSocketOpening,
  WebSocketRoute,
} from '../../contracts/index.ts'
import { checkOptions } from '../../contracts/options.ts'
import { MqttConnections } from './connections.ts'
import { type MqttOptions, mqttOptions, mqttRules, resolveMqttOptions } from './options.ts'
import { WebSocketCarrier } from './websocket-carrier.ts'

export interface MqttOverWebSocketOptions extends MqttOptions {
  /** `/mqtt`, where MQTT clients look for it. */
  readonly path?: string | undefined
}

/** Frame headers and masks of what comes before CONNECT, which may come in many frames. */
const framingBytes = 1024

/** MQTT 3.1, 3.1.1 and 5 over WebSocket (MQTT 5, section 6), for `webSockets({ routes })`. */
export function mqttOverWebSocket(options: MqttOverWebSocketOptions = {}): WebSocketRoute {
  checkOptions('mqttOverWebSocket', options, { path: true, ...mqttOptions }, mqttRules)
  return new MqttOverWebSocket(options)
}

class MqttOverWebSocket implements WebSocketRoute {
  readonly path: string
  readonly subprotocols = ['mqtt', 'mqttv3.1']
  readonly subprotocolOptional = false
  readonly takesText = false
  readonly messageBytesMax: number
  readonly unprovenBytesMax: number
  readonly #connections: MqttConnections

  constructor({ path = '/mqtt', ...options }: MqttOverWebSocketOptions) {
    const limits = resolveMqttOptions(options)
    this.path = path
    this.messageBytesMax = limits.packetBytesMax
    this.unprovenBytesMax = limits.connectBytesMax + framingBytes
    this.#connections = new MqttConnections(limits, 'websocket')
  }

  isAt(path: string): boolean {
    return path === this.path
  }

  start(context: ListenerContext, door: string): void {
    this.#connections.start(context, door)
  }

  stop(): void {
    this.#connections.end()
  }

  accept(webSocket: WebSocketConnection, { peer }: WebSocketOpening): WebSocketHandler | undefined {
    const giveBack = this.#connections.admit(peer.address)
    if (giveBack === undefined) return undefined
    const connection = this.#connections.open(new WebSocketCarrier(webSocket), peer)
    return {
      get isProven() {
        return connection.isOpen
      },
      received: bytes => connection.received(bytes),
      closed() {
        giveBack()
        connection.closed()
      },
    }
  }
}
