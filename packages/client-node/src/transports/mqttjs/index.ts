/** MQTT.js under the client of `@thingmesh/core`: for who has set it up already, or needs what it alone gets through. */
export { type MqttJsTransportOptions, mqttJsTransport } from './transport.ts'
