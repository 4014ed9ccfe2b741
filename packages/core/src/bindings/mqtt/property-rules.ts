import { invalid, protocolError } from './faults.ts'
import type { Properties, PropertyDescriptor } from './properties.ts'
import { checkTopicName } from './topic-name.ts'

/** Refuses a number outside the bounds of its property. */
export function checkedNumber(entry: PropertyDescriptor, value: number): number {
  if (Number.isInteger(value) && value >= entry.min && value <= entry.max) return value
  throw invalid(entry.reasonCode, `property ${entry.name} of ${value}, ${entry.min} to ${entry.max} are valid`)
}

/** Rules that hold between properties, or within one, wherever they stand. */
export function checkTogether(properties: Properties): void {
  if (properties.authenticationData !== undefined && properties.authenticationMethod === undefined) {
    throw protocolError('authentication data without a method') // MQTT 5, section 3.1.2.11.10
  }
  if (properties.responseTopic !== undefined) checkTopicName(properties.responseTopic, 'response topic') // MQTT-3.3.2-14
}
