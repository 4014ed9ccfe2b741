import { encodeAcknowledgement, encodeAuth, encodeDisconnect } from './encode-acknowledgement.ts'
import { encodeConnack, encodeConnect } from './encode-connect.ts'
import { encodePublish } from './encode-publish.ts'
import { encodeSuback, encodeSubscribe, encodeUnsuback, encodeUnsubscribe } from './encode-subscribe.ts'
import { FirstByte } from './fixed-header.ts'
import type { Packet, ProtocolLevel } from './packets.ts'
import type { Allocate } from './slab.ts'

/**
 * The bytes of a packet. What the level has no place for, such as properties and most reason codes before MQTT 5, is
 * left out; CONNECT goes by the level it carries. `allocate` says where the bytes of a PUBLISH come from: see
 * `slabAllocator`.
 *
 * Throws `invalid-argument` with the reason code that the other side would answer, and `too-large` beyond 256 MiB.
 */
export function encodePacket(packet: Packet, level: ProtocolLevel, allocate?: Allocate): Uint8Array {
  switch (packet.type) {
    case 'connect':
      return encodeConnect(packet)
    case 'connack':
      return encodeConnack(packet, level)
    case 'publish':
      return encodePublish(packet, level, allocate).bytes
    case 'puback':
    case 'pubrec':
    case 'pubrel':
    case 'pubcomp':
      return encodeAcknowledgement(packet, level)
    case 'subscribe':
      return encodeSubscribe(packet, level)
    case 'suback':
      return encodeSuback(packet, level)
    case 'unsubscribe':
      return encodeUnsubscribe(packet, level)
    case 'unsuback':
      return encodeUnsuback(packet, level)
    case 'pingreq':
    case 'pingresp':
      return Uint8Array.of(FirstByte[packet.type], 0)
    case 'disconnect':
      return encodeDisconnect(packet, level)
    case 'auth':
      return encodeAuth(packet, level)
  }
}
