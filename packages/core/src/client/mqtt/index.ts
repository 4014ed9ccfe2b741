/** The client's MQTT, without a socket: for `@thingmesh/client-node`, `@thingmesh/client-browser` and other platforms. */
export { type MqttTransportOptions, mqttTransport } from './transport.ts'
export { type WebSocketConstructor, type WebSocketLike, webSocketDial } from './websocket.ts'
export type { Dial, Wire, WireHandlers } from './wire.ts'
