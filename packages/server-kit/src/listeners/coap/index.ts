export { coapListener } from './listener.ts'
export {
  type CoapLimits,
  type CoapListenerOptions,
  type CoapOverWebSocketOptions,
  type CoapTcpLimits,
  type CoapTcpListenerOptions,
  defaultCoapLimits,
  defaultCoapTcpLimits,
} from './options.ts'
export { coapTcpListener } from './tcp-listener.ts'
export { coapOverWebSocket } from './websocket.ts'
