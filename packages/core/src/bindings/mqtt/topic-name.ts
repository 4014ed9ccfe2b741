import { invalid, protocolError } from './faults.ts'
import { ReasonCode } from './reason-codes.ts'

const plus = 0x2b
const hash = 0x23

/** Refuses a topic to publish to that is empty (MQTT-4.7.3-1) or holds a wildcard (MQTT-3.3.2-2). */
export function checkTopicName(topic: string, field: string): void {
  if (topic.length === 0) throw protocolError(`${field} is empty`)
  for (let i = 0; i < topic.length; i++) {
    const code = topic.charCodeAt(i)
    if (code === plus || code === hash) {
      throw invalid(ReasonCode.topicNameInvalid, `${field} holds a wildcard`)
    }
  }
}
