import {
  type CoapBody,
  decodeWebSocketMessage,
  encodeFrame,
  encodeWebSocketMessage,
  FrameParser,
} from '@thingmesh/core/coap'

/** How messages lie in what carries them, of one connection. */
export interface Framing {
  encode(message: CoapBody): Uint8Array
  /** Calls `onMessage` for each message that is whole. Throws `invalid-argument` and `too-large`, after which there is no going on. */
  push(chunk: Uint8Array, onMessage: (message: CoapBody) => void): void
}

/** A stream of bytes, in which each message says its length (RFC 8323, section 3.2). */
export function tcpFraming(messageBytesMax: number): Framing {
  const parser = new FrameParser(messageBytesMax)
  return { encode: encodeFrame, push: (chunk, onMessage) => parser.push(chunk, onMessage) }
}

/** One message is one binary message of the WebSocket (RFC 8323, section 4.2), which bounds it. */
export const webSocketFraming: Framing = {
  encode: encodeWebSocketMessage,
  push: (chunk, onMessage) => onMessage(decodeWebSocketMessage(chunk)),
}
