import { type DecodeSettings, decodeProperties } from './decode-properties.ts'
import { malformed, protocolError, unsupportedLevel } from './faults.ts'
import type { ConnackPacket, ConnectPacket, ProtocolLevel, QoS, Will } from './packets.ts'
import type { Reader } from './reader.ts'
import { connectReturnCodeMax, isReasonCodeOf, ReasonCode } from './reason-codes.ts'
import { checkTopicName } from './topic-name.ts'

/** Bits of the connect flags (MQTT 5, section 3.1.2.3). */
export const ConnectFlag = {
  reserved: 0x01,
  cleanStart: 0x02,
  will: 0x04,
  willQoS: 0x18,
  willRetain: 0x20,
  password: 0x40,
  username: 0x80,
} as const

/** Reads on behind the protocol level. */
export function decodeConnect(reader: Reader, level: ProtocolLevel, settings: DecodeSettings): ConnectPacket {
  const flags = reader.byte()
  checkConnectFlags(flags, level)
  const keepAliveSeconds = reader.uint16()
  const properties = level === 5 ? decodeProperties(reader, 'connect', settings) : undefined
  const clientId = reader.string()
  const will = (flags & ConnectFlag.will) !== 0 ? decodeWill(reader, flags, level, settings) : undefined
  const username = isPresent(reader, flags, ConnectFlag.username, level) ? reader.string() : undefined
  const password = isPresent(reader, flags, ConnectFlag.password, level) ? reader.binary() : undefined
  return {
    type: 'connect',
    level,
    clientId,
    cleanStart: (flags & ConnectFlag.cleanStart) !== 0,
    keepAliveSeconds,
    username,
    password,
    will,
    properties,
  }
}

/** The first two fields of CONNECT, which say how to read, and to answer, all that follows. */
export function decodeLevel(reader: Reader): ProtocolLevel {
  const name = reader.string()
  if (name !== 'MQTT' && name !== 'MQIsdp') throw unsupportedLevel('protocol name is not MQTT')
  const level = reader.byte()
  if (name === 'MQIsdp' ? level === 3 : level === 4 || level === 5) return level as ProtocolLevel
  throw unsupportedLevel(`protocol level ${level} of ${name}; 3 of MQIsdp, 4 and 5 of MQTT are supported`, { level })
}

function checkConnectFlags(flags: number, level: ProtocolLevel): void {
  if ((flags & ConnectFlag.reserved) !== 0) throw malformed('reserved connect flag is set') // MQTT-3.1.2-3
  if ((flags & ConnectFlag.will) !== 0) {
    if ((flags & ConnectFlag.willQoS) === ConnectFlag.willQoS) throw malformed('will with QoS 3') // MQTT-3.1.2-12
  } else if (level !== 3 && (flags & (ConnectFlag.willQoS | ConnectFlag.willRetain)) !== 0) {
    // MQTT-3.1.2-11, -13. MQTT 3.1, section 3.1, disregards both without a will.
    throw malformed('will QoS or will retain without a will')
  }
  if (level !== 5 && (flags & ConnectFlag.password) !== 0 && (flags & ConnectFlag.username) === 0) {
    throw malformed('password without a user name') // MQTT 3.1.1, MQTT-3.1.2-22
  }
}

/** MQTT 3.1, section 3.1: where the packet ends before the user name or the password, its length overrides the flag. */
function isPresent(reader: Reader, flags: number, flag: number, level: ProtocolLevel): boolean {
  return (flags & flag) !== 0 && (level !== 3 || reader.remaining > 0)
}

function decodeWill(reader: Reader, flags: number, level: ProtocolLevel, settings: DecodeSettings): Will {
  const properties = level === 5 ? decodeProperties(reader, 'will', settings) : undefined
  const topic = reader.string()
  checkTopicName(topic, 'will topic')
  const payload = reader.binary()
  const qos = ((flags & ConnectFlag.willQoS) >> 3) as QoS
  return { topic, payload, qos, retain: (flags & ConnectFlag.willRetain) !== 0, properties }
}

export function decodeConnack(reader: Reader, level: ProtocolLevel, settings: DecodeSettings): ConnackPacket {
  const flags = reader.byte()
  // MQTT 3.1, section 3.2: the byte is reserved and not used.
  if (level !== 3 && flags > 1) throw malformed(`connack flags ${flags}`)
  const sessionPresent = level !== 3 && flags === 1
  const reasonCode = reader.byte()
  checkConnackCode(reasonCode, level, sessionPresent)
  const properties = level === 5 ? decodeProperties(reader, 'connack', settings) : undefined
  return { type: 'connack', sessionPresent, reasonCode, properties }
}

export function checkConnackCode(code: number, level: ProtocolLevel, sessionPresent: boolean): void {
  const known = level === 5 ? isReasonCodeOf('connack', code) : code <= connectReturnCodeMax
  if (!known) throw protocolError(`connack with code ${code}`)
  if (sessionPresent && code !== ReasonCode.success) throw protocolError('session present in a refusal') // MQTT-3.2.2-6
}
