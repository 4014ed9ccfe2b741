/** The client's MQTT, without a socket: for `@thingmesh/client-node`, `@thingmesh/client-browser` and other platforms. */
export { toMessage, toPublish } from './mapping.ts'
export { errorFromReason } from './reasons.ts'
export { SessionState, type Unacknowledged } from './session-state.ts'
export { type MqttTerms, type MqttTransportOptions, mqttRules, mqttTransport } from './transport.ts'
export { type WebSocketConstructor, type WebSocketLike, webSocketDial } from './websocket.ts'
export type { Dial, Wire, WireHandlers } from './wire.ts'
