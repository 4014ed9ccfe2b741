import { type ErrorCode, type Outcome, ThingmeshError } from '../../errors/index.ts'

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

/** In the hub's words where it gave any. */
export function errorFromReason(reasonCode: number, said: string | undefined, outcome: Outcome): ThingmeshError {
  const text = said ?? `the hub answered with reason code 0x${reasonCode.toString(16)}`
  return new ThingmeshError(codeOf(reasonCode), text, { outcome, details: { reasonCode } })
}

function codeOf(reasonCode: number): ErrorCode {
  const found = Object.entries(reasonCodes).find(([, numbers]) => numbers.includes(reasonCode))
  return (found?.[0] ?? 'internal') as ErrorCode
}
