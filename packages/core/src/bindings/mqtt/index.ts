export { encodePacket } from './encode-packet.ts'
export { type EncodedPublish, encodePublish } from './encode-publish.ts'
export type { Role } from './fixed-header.ts'
export type { PacketType } from './packet-type.ts'
export type {
  AuthPacket,
  ConnackPacket,
  ConnectPacket,
  DisconnectPacket,
  Packet,
  PingreqPacket,
  PingrespPacket,
  ProtocolLevel,
  PubackPacket,
  PubcompPacket,
  PublishPacket,
  PubrecPacket,
  PubrelPacket,
  QoS,
  SubackPacket,
  SubscribePacket,
  SubscriptionRequest,
  UnsubackPacket,
  UnsubscribePacket,
  Will,
} from './packets.ts'
export { type OnPacket, PacketParser, type PacketParserOptions } from './parser.ts'
export type { Properties, PropertyName } from './properties.ts'
export { ConnectReturnCode, isReasonCodeOf, ReasonCode } from './reason-codes.ts'
export { type Allocate, slabAllocator } from './slab.ts'
export { errorProperty, keyProperty, receiveMaximumProperty, subscriptionProperty } from './user-properties.ts'
