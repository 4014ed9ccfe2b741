import type { Properties } from './properties.ts'

/** 3 is MQTT 3.1 (`MQIsdp`), 4 is 3.1.1, 5 is 5.0: the byte that stands in CONNECT (MQTT 5, section 3.1.2.2). */
export type ProtocolLevel = 3 | 4 | 5

export type QoS = 0 | 1 | 2

export interface ConnectPacket {
  readonly type: 'connect'
  level: ProtocolLevel
  /** May be empty: whether that is allowed is the session's decision, for the answer is a CONNACK, not a close. */
  clientId: string
  /** Clean Session before MQTT 5. */
  cleanStart: boolean
  keepAliveSeconds: number
  username?: string | undefined
  password?: Uint8Array | undefined
  will?: Will | undefined
  properties?: Properties | undefined
}

export interface Will {
  topic: string
  payload: Uint8Array
  qos: QoS
  retain: boolean
  properties?: Properties | undefined
}

export interface ConnackPacket {
  readonly type: 'connack'
  /** Always false with MQTT 3.1, which has no such flag. */
  sessionPresent: boolean
  /** A `ReasonCode` with MQTT 5, a `ConnectReturnCode` before. */
  reasonCode: number
  properties?: Properties | undefined
}

export interface PublishPacket {
  readonly type: 'publish'
  /** Empty only with MQTT 5 and a topic alias. */
  topic: string
  /** A parsed payload is a view of the chunk it came in: who keeps it longer than the chunk copies it. */
  payload: Uint8Array
  qos: QoS
  retain: boolean
  dup: boolean
  /** 0 with QoS 0, else 1–65,535. */
  packetId: number
  properties: Properties | undefined
}

/** The fields of PUBACK, PUBREC, PUBREL and PUBCOMP. Before MQTT 5 only the packet id travels, and the reason is 0. */
export interface Acknowledgement {
  packetId: number
  reasonCode: number
  properties?: Properties | undefined
}

export interface PubackPacket extends Acknowledgement {
  readonly type: 'puback'
}

export interface PubrecPacket extends Acknowledgement {
  readonly type: 'pubrec'
}

export interface PubrelPacket extends Acknowledgement {
  readonly type: 'pubrel'
}

export interface PubcompPacket extends Acknowledgement {
  readonly type: 'pubcomp'
}

export interface SubscriptionRequest {
  /** Not empty; its wildcards are not checked here, for the answer to a bad one is a reason code in SUBACK. */
  filter: string
  qos: QoS
  /** False before MQTT 5, as is `retainAsPublished`; `retainHandling` is 0. */
  noLocal: boolean
  retainAsPublished: boolean
  retainHandling: 0 | 1 | 2
}

export interface SubscribePacket {
  readonly type: 'subscribe'
  packetId: number
  subscriptions: SubscriptionRequest[]
  properties?: Properties | undefined
}

export interface SubackPacket {
  readonly type: 'suback'
  packetId: number
  /** One per filter: the granted QoS, or 0x80 and above. Before MQTT 5 every failure travels as 0x80. */
  reasonCodes: number[]
  properties?: Properties | undefined
}

export interface UnsubscribePacket {
  readonly type: 'unsubscribe'
  packetId: number
  filters: string[]
  properties?: Properties | undefined
}

export interface UnsubackPacket {
  readonly type: 'unsuback'
  packetId: number
  /** One per filter with MQTT 5; empty before, where it has no payload. */
  reasonCodes: number[]
  properties?: Properties | undefined
}

export interface PingreqPacket {
  readonly type: 'pingreq'
}

export interface PingrespPacket {
  readonly type: 'pingresp'
}

export interface DisconnectPacket {
  readonly type: 'disconnect'
  /** 0 before MQTT 5. */
  reasonCode: number
  properties?: Properties | undefined
}

/** MQTT 5 only. */
export interface AuthPacket {
  readonly type: 'auth'
  reasonCode: number
  properties?: Properties | undefined
}

export type Packet =
  | ConnectPacket
  | ConnackPacket
  | PublishPacket
  | PubackPacket
  | PubrecPacket
  | PubrelPacket
  | PubcompPacket
  | SubscribePacket
  | SubackPacket
  | UnsubscribePacket
  | UnsubackPacket
  | PingreqPacket
  | PingrespPacket
  | DisconnectPacket
  | AuthPacket
