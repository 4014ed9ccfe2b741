import { type DecodeSettings, decodeProperties } from './decode-properties.ts'
import { protocolError } from './faults.ts'
import type { PacketType } from './packet-type.ts'
import type {
  AuthPacket,
  DisconnectPacket,
  ProtocolLevel,
  PubackPacket,
  PubcompPacket,
  PubrecPacket,
  PubrelPacket,
} from './packets.ts'
import type { Properties } from './properties.ts'
import type { Reader } from './reader.ts'
import { isReasonCodeOf, ReasonCode } from './reason-codes.ts'

export type AcknowledgementPacket = PubackPacket | PubrecPacket | PubrelPacket | PubcompPacket

/** PUBACK, PUBREC, PUBREL and PUBCOMP, which look alike (MQTT 5, sections 3.4 to 3.7). */
export function decodeAcknowledgement(
  type: AcknowledgementPacket['type'],
  reader: Reader,
  level: ProtocolLevel,
  settings: DecodeSettings,
): AcknowledgementPacket {
  const packetId = reader.packetId()
  const { reasonCode, properties } = level === 5 ? decodeReason(type, reader, settings) : noReason
  return { type, packetId, reasonCode, properties }
}

export function decodeDisconnect(reader: Reader, level: ProtocolLevel, settings: DecodeSettings): DisconnectPacket {
  const { reasonCode, properties } = level === 5 ? decodeReason('disconnect', reader, settings) : noReason
  // MQTT-3.14.2-2
  if (settings.role === 'client' && properties?.sessionExpiryInterval !== undefined) {
    throw protocolError('session expiry interval in a disconnect of a server')
  }
  return { type: 'disconnect', reasonCode, properties }
}

export function decodeAuth(reader: Reader, settings: DecodeSettings): AuthPacket {
  const { reasonCode, properties } = decodeReason('auth', reader, settings)
  checkAuthMethod(reasonCode, properties)
  return { type: 'auth', reasonCode, properties }
}

interface Reason {
  readonly reasonCode: number
  readonly properties: Properties | undefined
}

const noReason: Reason = { reasonCode: ReasonCode.success, properties: undefined }

/** A reason code and properties at the end of a packet: either may be missing, and then means success and none. */
function decodeReason(
  type: PacketType & ('auth' | 'disconnect' | AcknowledgementPacket['type']),
  reader: Reader,
  settings: DecodeSettings,
): Reason {
  if (reader.remaining === 0) return noReason
  const reasonCode = reader.byte()
  checkReasonCode(type, reasonCode)
  if (reader.remaining === 0) return { reasonCode, properties: undefined }
  return { reasonCode, properties: decodeProperties(reader, type, settings) }
}

export function checkReasonCode(type: PacketType, code: number): void {
  if (!isReasonCodeOf(type, code)) throw protocolError(`${type} with reason code ${code}`)
}

/** MQTT 5, section 3.15.2.2.2: AUTH names its method; only the bare success, which has no properties at all, cannot. */
export function checkAuthMethod(reasonCode: number, properties: Properties | undefined): void {
  if (properties?.authenticationMethod !== undefined) return
  if (reasonCode !== ReasonCode.success || properties !== undefined) throw protocolError('auth without a method')
}
