import type { WebSocketConstructor, WebSocketLike } from '@thingmesh/core/mqtt-client'
import { WebSocket } from 'ws'
import { type TlsOptions, toNodeTls } from './tls.ts'

/**
 * A WebSocket that takes certificates, which the platform's own does not, and that is there on every Node. Nothing is
 * compressed: MQTT has little to gain, and a hub offers it not.
 */
export function webSocketWith(tls: TlsOptions = {}): WebSocketConstructor {
  return class extends WebSocket {
    constructor(url: string, protocol: string) {
      super(url, protocol, { ...toNodeTls(tls), perMessageDeflate: false })
    }
  } as unknown as new (
    url: string,
    protocol: string,
  ) => WebSocketLike
}
