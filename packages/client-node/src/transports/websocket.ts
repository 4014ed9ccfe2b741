import { ThingmeshError } from '@thingmesh/core'
import { type Dial, type WebSocketConstructor, webSocketDial } from '@thingmesh/core/mqtt-client'
import { WebSocket } from 'ws'
import { type TlsOptions, toNodeTls } from './tls.ts'

/**
 * MQTT over a WebSocket that takes certificates, which the platform's own does not, that is there on every Node, and that says why
 * it could not be opened. Nothing is compressed: MQTT has little to gain, and a hub offers it not.
 */
export function webSocketDialWith(url: string, tls: TlsOptions = {}): Dial {
  return async (handlers, signal) => {
    let failure: NodeJS.ErrnoException | undefined
    const Socket = class extends WebSocket {
      constructor(url: string, protocol: string) {
        super(url, protocol, { ...toNodeTls(tls), perMessageDeflate: false })
        this.on('error', error => {
          failure ??= error
        })
      }
    } as unknown as WebSocketConstructor
    try {
      return await webSocketDial(url, Socket)(handlers, signal)
    } catch (thrown) {
      if (failure === undefined || signal.aborted) throw thrown
      const text = `the websocket could not be opened (${failure.code ?? failure.message})`
      throw new ThingmeshError('unavailable', text, { cause: failure, outcome: 'not-sent' })
    }
  }
}
