import { once } from 'node:events'
import { connect } from 'node:net'
import type { Duplex } from 'node:stream'
import { createWebSocketStream, WebSocket } from 'ws'

/** What the bytes come over. */
export const transports = ['tcp', 'websocket'] as const
export type Transport = (typeof transports)[number]

/** A connection on which nothing was said yet, as a stream of the bytes that MQTT has. */
export const dial: Readonly<Record<Transport, (port: number) => Promise<Duplex>>> = {
  async tcp(port) {
    const socket = connect({ host: '127.0.0.1', port, noDelay: true })
    await once(socket, 'connect')
    return socket
  },
  async websocket(port) {
    const webSocket = new WebSocket(`ws://127.0.0.1:${port}/mqtt`, 'mqtt', { perMessageDeflate: false })
    // Before it is open: from then on it hears.
    const stream = createWebSocketStream(webSocket)
    // A socket closes when both have ended; this stream would wait for us.
    stream.once('end', () => stream.destroy())
    await once(webSocket, 'open')
    return stream
  },
}
