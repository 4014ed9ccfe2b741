export type { MqttDecisions, Redirection } from './decisions.ts'
export { mqttListener } from './listener.ts'
export { defaultMqttLimits, type MqttLimits, type MqttListenerOptions } from './options.ts'
export { specLimits } from './spec-limits.ts'
