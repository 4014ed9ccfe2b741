import { ThingmeshError } from '../../../errors/index.ts'

/** Bytes that are not what MQTT 5 says, or a value that it has no bytes for. */
export function malformed(message: string): ThingmeshError {
  return new ThingmeshError('invalid-argument', message)
}

/** MQTT-4.7.3-1, MQTT-3.3.2-2 */
export function checkTopic(topic: string): void {
  if (topic === '' || /[+#]/.test(topic)) throw malformed('topic is empty or holds a wildcard')
}
