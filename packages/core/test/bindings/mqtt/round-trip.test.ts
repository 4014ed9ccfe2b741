import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { encodePacket, encodePublish, type PublishPacket, slabAllocator } from '../../../src/bindings/mqtt/index.ts'
import { anyPacketTo, levels, packetsTo } from './arbitraries.ts'
import { holds } from './holds.ts'
import { concat, hex, parseAll, parser } from './parsing.ts'

describe.each(levels)('round trip at level %i', level => {
  describe.each(['server', 'client'] as const)('to a %s', role => {
    it.each(packetsTo(role, level))('%s comes back as it was', (_type, arbitrary) => {
      holds(
        fc.property(arbitrary, packet => {
          expect(parseAll(parser(role, level), encodePacket(packet, level))).toEqual([packet])
        }),
      )
    })

    it('many packets in one chunk come back in order', () => {
      holds(
        fc.property(fc.array(anyPacketTo(role, level), { maxLength: 20 }), packets => {
          const chunk = concat(...packets.map(packet => encodePacket(packet, level)))
          expect(parseAll(parser(role, level), chunk)).toEqual(packets)
        }),
      )
    })
  })
})

const publish: PublishPacket = {
  type: 'publish',
  topic: 'a/ä/𝄞',
  payload: new Uint8Array(100).fill(9),
  qos: 1,
  retain: true,
  dup: false,
  packetId: 0x1234,
  properties: { contentType: 'x'.repeat(200), userProperties: [['k', 'v']] },
}

describe('encodePublish', () => {
  it.each(levels)('says where the packet id stands, level %i', level => {
    const { bytes, packetIdOffset } = encodePublish(publish, level)
    const patched = bytes.slice()
    patched[packetIdOffset] = 0xab
    patched[packetIdOffset + 1] = 0xcd
    const properties = level === 5 ? publish.properties : undefined
    expect(parseAll(parser('client', level), patched)).toEqual([{ ...publish, packetId: 0xabcd, properties }])
  })

  it('has no packet id with QoS 0', () => {
    expect(encodePublish({ ...publish, qos: 0, packetId: 0 }, 5).packetIdOffset).toBe(-1)
  })

  it('writes the same bytes into a slab, and never the same place twice', () => {
    const allocate = slabAllocator(4096)
    const plain = encodePublish(publish, 5).bytes
    const cut = Array.from({ length: 50 }, () => encodePublish(publish, 5, allocate).bytes)
    for (const bytes of cut) expect(bytes).toEqual(plain)
    cut[0]!.fill(0)
    for (const bytes of cut.slice(1)) expect(bytes).toEqual(plain)
  })
})

describe('the shortest forms of MQTT 5', () => {
  it.each([
    ['puback without reason', '40 02 00 01', { type: 'puback', packetId: 1, reasonCode: 0 }],
    ['puback with reason', '40 03 00 01 10', { type: 'puback', packetId: 1, reasonCode: 0x10 }],
    ['pubrel with reason', '62 03 00 01 92', { type: 'pubrel', packetId: 1, reasonCode: 0x92 }],
    ['disconnect without reason', 'e0 00', { type: 'disconnect', reasonCode: 0 }],
    ['disconnect with reason', 'e0 01 04', { type: 'disconnect', reasonCode: 4 }],
    ['auth without reason', 'f0 00', { type: 'auth', reasonCode: 0 }],
  ] as const)('%s', (_name, source, packet) => {
    expect(parseAll(parser('server', 5), hex(source))).toEqual([{ ...packet, properties: undefined }])
    expect(encodePacket(packet, 5)).toEqual(hex(source))
  })

  it.each([
    ['40 04 00 01 00 00', { type: 'puback', packetId: 1, reasonCode: 0 }],
    ['e0 02 00 00', { type: 'disconnect', reasonCode: 0 }],
    ['f0 02 00 00', { type: 'auth', reasonCode: 0 }],
  ] as const)('the long form %s means the same', (source, packet) => {
    expect(parseAll(parser('server', 5), hex(source))).toEqual([packet])
  })
})

describe('what older levels have no place for', () => {
  it('is left out', () => {
    const properties = { reasonString: 'why' }
    expect(encodePacket({ type: 'puback', packetId: 1, reasonCode: 0x97, properties }, 4)).toEqual(hex('40 02 00 01'))
    expect(encodePacket({ type: 'disconnect', reasonCode: 0x8b, properties }, 4)).toEqual(hex('e0 00'))
    expect(encodePacket({ type: 'unsuback', packetId: 1, reasonCodes: [0x11], properties }, 4)).toEqual(
      hex('b0 02 00 01'),
    )
    expect(encodePacket({ type: 'suback', packetId: 1, reasonCodes: [1, 0x87], properties }, 4)).toEqual(
      hex('90 04 00 01 01 80'),
    )
    expect(encodePacket({ type: 'connack', sessionPresent: true, reasonCode: 0 }, 3)).toEqual(hex('20 02 00 00'))
  })
})

describe('MQTT 3.1', () => {
  const login = "10 10 00 06 'MQIsdp' 03 c2 00 0a 00 02 'me'"

  it('lets the length of the packet override the flags of user name and password', () => {
    expect(parseAll(parser('server'), hex(login))).toMatchObject([
      { level: 3, clientId: 'me', username: undefined, password: undefined },
    ])
  })

  it('disregards QoS and retain of a will that is not there', () => {
    expect(parseAll(parser('server'), hex(login.replace('c2', '3a')))).toMatchObject([{ will: undefined }])
  })

  it('takes DUP on what is sent again', () => {
    const packets = parseAll(parser('server', 3), hex("6a 02 00 01 8a 06 00 02 00 01 'a' 01 aa 05 00 03 00 01 'a'"))
    expect(packets.map(packet => packet.type)).toEqual(['pubrel', 'subscribe', 'unsubscribe'])
  })
})
