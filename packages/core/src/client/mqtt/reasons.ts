import type { Properties } from '../../bindings/mqtt/properties.ts'
import { errorProperty } from '../../bindings/mqtt/user-properties.ts'
import { type ErrorCode, retryableByCode, ThingmeshError } from '../../errors/index.ts'

/**
 * What MQTT 5's reason codes from 0x80 on (section 2.4) are among our errors; what is not here is `internal`. By number, for
 * the table of their names is larger than all of this.
 */
const reasonCodes: Readonly<Partial<Record<ErrorCode, readonly number[]>>> = {
  // malformed packet, protocol error, client identifier, topic filter, topic name, payload format
  'invalid-argument': [0x81, 0x82, 0x85, 0x8f, 0x90, 0x99],
  // protocol version, authentication method, retain, QoS, server moved, shared subscriptions, subscription identifiers, wildcards
  unsupported: [0x84, 0x8c, 0x9a, 0x9b, 0x9d, 0x9e, 0xa1, 0xa2],
  // bad user name or password
  unauthenticated: [0x86],
  // not authorized, banned
  'permission-denied': [0x87, 0x8a],
  // server unavailable, busy, shutting down, use another server, maximum connect time
  unavailable: [0x88, 0x89, 0x8b, 0x9c, 0xa0],
  // keep-alive timeout
  timeout: [0x8d],
  // session taken over
  conflict: [0x8e],
  // receive maximum exceeded, message rate too high, quota exceeded, connection rate exceeded
  'rate-limited': [0x93, 0x96, 0x97, 0x9f],
  // packet too large
  'too-large': [0x95],
  // administrative action
  canceled: [0x98],
}

/** A refusal: in the hub's words where it gave any, and as the error that it names where it does. */
export function errorFromReason(reasonCode: number, said: Properties = {}): ThingmeshError {
  const text = said.reasonString ?? `reason code 0x${reasonCode.toString(16)}`
  const named = Object.fromEntries(said.userProperties ?? [])[errorProperty] as ErrorCode
  const code = Object.hasOwn(retryableByCode, named) ? named : codeOf(reasonCode)
  return new ThingmeshError(code, text, { details: { reasonCode } })
}

function codeOf(reasonCode: number): ErrorCode {
  const found = Object.entries(reasonCodes).find(([, numbers]) => numbers.includes(reasonCode))
  return (found?.[0] ?? 'internal') as ErrorCode
}
