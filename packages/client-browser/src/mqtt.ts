/** `connect` over MQTT alone, for pages that count their bytes. */
export { connect, type MqttConnectOptions } from './connect/mqtt.ts'
