import { canceled, onAbort } from '../cancellation.ts'
import { type CancelSignal, platform } from '../platform.ts'
import type { Dial, Wire, WireHandlers } from './wire.ts'

/** What this uses of a `WebSocket`; the platform's own fits. */
export interface WebSocketLike {
  binaryType: string
  readonly bufferedAmount: number
  send(bytes: never): void
  close(): void
  addEventListener(type: string, listener: (event: never) => void): void
}

export type WebSocketConstructor = new (url: string, protocol: string) => WebSocketLike

/**
 * MQTT over WebSocket (MQTT 5, section 6), on the platform's `WebSocket`. Throws `TypeError` where there is none and none is
 * given. A platform does not say why a WebSocket could not be opened, only that it could not.
 */
export function webSocketDial(
  url: string,
  WebSocket: WebSocketConstructor | undefined = platform().WebSocket as WebSocketConstructor | undefined,
): Dial {
  if (WebSocket === undefined) throw new TypeError('there is no WebSocket: pass one')
  return async (handlers, signal) => {
    if (signal.aborted) throw canceled(signal.reason)
    return open(new WebSocket(url, 'mqtt'), handlers, signal)
  }
}

function open(socket: WebSocketLike, handlers: WireHandlers, signal: CancelSignal): Promise<Wire> {
  socket.binaryType = 'arraybuffer'
  return new Promise((resolve, reject) => {
    // Some platforms never tell that a WebSocket is closed which never was open.
    const letGo = onAbort(signal, () => {
      reject(canceled(signal.reason))
      socket.close()
    })
    socket.addEventListener('open', () => {
      letGo()
      resolve(toWire(socket))
    })
    // One may close without having been open; `error` comes before it and tells nothing.
    socket.addEventListener('close', (event: unknown) => {
      letGo()
      handlers.onClosed(event)
      // Of no effect on one that was.
      reject(event)
    })
    socket.addEventListener('error', () => undefined)
    // MQTT-6.0.0-1: a packet may begin in one frame and end in another, and they are binary; a text is a breach.
    socket.addEventListener('message', (event: { readonly data: unknown }) => {
      if (event.data instanceof ArrayBuffer) handlers.onBytes(new Uint8Array(event.data))
      else socket.close()
    })
  })
}

function toWire(socket: WebSocketLike): Wire {
  const close = (): void => socket.close()
  return {
    get bufferedBytes() {
      return socket.bufferedAmount
    },
    // The parser and the codec hand out arrays of their own, so nothing changes under the socket's hands.
    send: bytes => socket.send(bytes as never),
    end: close,
    destroy: close,
  }
}
