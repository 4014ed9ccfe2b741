import { ThingmeshError } from '../../errors/index.ts'
import { ReasonCode } from './reason-codes.ts'

type Details = Readonly<Record<string, string | number>>

/** Bytes that cannot be parsed as the specification says (MQTT 5, section 1.2, Malformed Packet): 0x81. */
export function malformed(message: string, details?: Details): ThingmeshError {
  return invalid(ReasonCode.malformedPacket, message, details)
}

/** Bytes that parse, but say what the protocol does not allow (MQTT 5, section 1.2, Protocol Error): 0x82. */
export function protocolError(message: string, details?: Details): ThingmeshError {
  return invalid(ReasonCode.protocolError, message, details)
}

/** A breach for which MQTT 5 has a reason code of its own. */
export function invalid(reasonCode: number, message: string, details?: Details): ThingmeshError {
  return new ThingmeshError('invalid-argument', message, { details: { ...details, reasonCode } })
}

export function packetTooLarge(found: number, limit: number): ThingmeshError {
  const message = `packet of ${found} bytes, the limit is ${limit}`
  return new ThingmeshError('too-large', message, { details: { found, limit, reasonCode: ReasonCode.packetTooLarge } })
}

export function unsupportedLevel(message: string, details?: Details): ThingmeshError {
  const reasonCode = ReasonCode.unsupportedProtocolVersion
  return new ThingmeshError('unsupported', message, { details: { ...details, reasonCode } })
}
