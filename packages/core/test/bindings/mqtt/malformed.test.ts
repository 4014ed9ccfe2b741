import { describe, expect, it } from 'vitest'
import { type ProtocolLevel, ReasonCode } from '../../../src/bindings/mqtt/index.ts'
import { concat, hex, parser, refusal } from './parsing.ts'

type Row = readonly [
  name: string,
  role: 'server' | 'client',
  level: ProtocolLevel | undefined,
  reason: keyof typeof ReasonCode,
  bytes: string,
]

const fixedHeaders: readonly Row[] = [
  ['packet type 0', 'server', 4, 'malformedPacket', '00 00'],
  ['auth before MQTT 5', 'server', 4, 'malformedPacket', 'f0 00'],
  ['connack sent by a client', 'server', 4, 'protocolError', '20 02 00 00'],
  ['suback sent by a client', 'server', 4, 'protocolError', '90 03 00 01 00'],
  ['unsuback sent by a client', 'server', 4, 'protocolError', 'b0 02 00 01'],
  ['pingresp sent by a client', 'server', 4, 'protocolError', 'd0 00'],
  ['connect sent by a server', 'client', 4, 'protocolError', "10 0d 00 04 'MQTT' 04 02 00 0a 00 01 'a'"],
  ['subscribe sent by a server', 'client', 4, 'protocolError', "82 06 00 01 00 01 'a' 00"],
  ['unsubscribe sent by a server', 'client', 4, 'protocolError', "a2 05 00 01 00 01 'a'"],
  ['pingreq sent by a server', 'client', 4, 'protocolError', 'c0 00'],
  ['disconnect sent by a server before MQTT 5', 'client', 4, 'protocolError', 'e0 00'],
  ['flags in connect', 'server', undefined, 'malformedPacket', '11 00'],
  ['flags in puback', 'server', 4, 'malformedPacket', '42 02 00 01'],
  ['flags in auth', 'server', 5, 'malformedPacket', 'f1 00'],
  ['no flags in pubrel', 'server', 4, 'malformedPacket', '60 02 00 01'],
  ['DUP in pubrel of 3.1.1', 'server', 4, 'malformedPacket', '6a 02 00 01'],
  ['no flags in subscribe', 'server', 4, 'malformedPacket', "80 06 00 01 00 01 'a' 00"],
  ['no flags in unsubscribe', 'server', 5, 'malformedPacket', "a0 06 00 01 00 00 01 'a'"],
  ['flags in pingreq', 'server', 5, 'malformedPacket', 'c1 00'],
  ['flags in disconnect', 'server', 5, 'malformedPacket', 'e4 00'],
  ['QoS 3', 'server', 4, 'malformedPacket', "36 03 00 01 'a'"],
  ['DUP with QoS 0', 'server', 4, 'malformedPacket', "38 03 00 01 'a'"],
  ['remaining length of five bytes', 'server', 4, 'malformedPacket', '30 80 80 80 80 01'],
  ['remaining length longer than it need be', 'server', 5, 'malformedPacket', 'c0 80 00'],
  ['pingreq with a body', 'server', 5, 'malformedPacket', 'c0 01'],
  ['pingreq that claims 256 KiB', 'server', 5, 'malformedPacket', 'c0 80 80 10'],
  ['disconnect of 3.1.1 with a body', 'server', 4, 'malformedPacket', 'e0 01'],
  ['puback of 3.1.1 with three bytes', 'server', 4, 'malformedPacket', '40 03'],
  ['puback with one byte', 'server', 5, 'malformedPacket', '40 01 00'],
]

const beforeConnect: readonly Row[] = [
  ['publish', 'server', undefined, 'protocolError', '30'],
  ['pingreq', 'server', undefined, 'protocolError', 'c0'],
  ['subscribe', 'server', undefined, 'protocolError', '82'],
  ['auth', 'server', undefined, 'malformedPacket', 'f0'],
  ['HTTP', 'server', undefined, 'malformedPacket', "'GET /'"],
  ['TLS', 'server', undefined, 'malformedPacket', '16 03 01'],
]

const connect: readonly Row[] = [
  ['level 0', 'server', undefined, 'unsupportedProtocolVersion', "10 0d 00 04 'MQTT' 00 02 00 0a 00 01 'a'"],
  ['level 6', 'server', undefined, 'unsupportedProtocolVersion', "10 0d 00 04 'MQTT' 06 02 00 0a 00 01 'a'"],
  ['level 3 of MQTT', 'server', undefined, 'unsupportedProtocolVersion', "10 0d 00 04 'MQTT' 03 02 00 0a 00 01 'a'"],
  [
    'level 4 of MQIsdp',
    'server',
    undefined,
    'unsupportedProtocolVersion',
    "10 0f 00 06 'MQIsdp' 04 02 00 0a 00 01 'a'",
  ],
  ['another name', 'server', undefined, 'unsupportedProtocolVersion', "10 0d 00 04 'mqtt' 04 02 00 0a 00 01 'a'"],
  ['a name past the packet', 'server', undefined, 'malformedPacket', "10 06 ff ff 'MQTT'"],
  ['nothing', 'server', undefined, 'malformedPacket', '10 00'],
  ['reserved flag', 'server', undefined, 'malformedPacket', "10 0d 00 04 'MQTT' 04 03 00 0a 00 01 'a'"],
  ['reserved flag of 3.1', 'server', undefined, 'malformedPacket', "10 0f 00 06 'MQIsdp' 03 03 00 0a 00 01 'a'"],
  ['will QoS 3', 'server', undefined, 'malformedPacket', "10 12 00 04 'MQTT' 04 1e 00 0a 00 01 'a' 00 01 'w' 00 00"],
  ['will QoS without will', 'server', undefined, 'malformedPacket', "10 0d 00 04 'MQTT' 04 0a 00 0a 00 01 'a'"],
  ['will retain without will', 'server', undefined, 'malformedPacket', "10 0d 00 04 'MQTT' 04 22 00 0a 00 01 'a'"],
  ['will missing', 'server', undefined, 'malformedPacket', "10 0d 00 04 'MQTT' 04 06 00 0a 00 01 'a'"],
  ['will topic empty', 'server', undefined, 'protocolError', "10 11 00 04 'MQTT' 04 06 00 0a 00 01 'a' 00 00 00 00"],
  [
    'will topic with wildcard',
    'server',
    undefined,
    'topicNameInvalid',
    "10 12 00 04 'MQTT' 04 06 00 0a 00 01 'a' 00 01 '#' 00 00",
  ],
  [
    'password without user name',
    'server',
    undefined,
    'malformedPacket',
    "10 10 00 04 'MQTT' 04 42 00 0a 00 01 'a' 00 01 'p'",
  ],
  [
    'password without user name in 3.1',
    'server',
    undefined,
    'malformedPacket',
    "10 12 00 06 'MQIsdp' 03 42 00 0a 00 01 'a' 00 01 'p'",
  ],
  ['user name missing in 3.1.1', 'server', undefined, 'malformedPacket', "10 0d 00 04 'MQTT' 04 82 00 0a 00 01 'a'"],
  [
    'password past the packet',
    'server',
    undefined,
    'malformedPacket',
    "10 13 00 04 'MQTT' 04 c2 00 0a 00 01 'a' 00 01 'u' 00 02 'p'",
  ],
  ['bytes after the last field', 'server', undefined, 'malformedPacket', "10 0e 00 04 'MQTT' 04 02 00 0a 00 01 'a' 00"],
  ['client id not UTF-8', 'server', undefined, 'malformedPacket', "10 0d 00 04 'MQTT' 04 02 00 0a 00 01 ff"],
  ['client id with U+0000', 'server', undefined, 'malformedPacket', "10 0d 00 04 'MQTT' 04 02 00 0a 00 01 00"],
  ['a second one', 'server', undefined, 'protocolError', "10 0d 00 04 'MQTT' 04 02 00 0a 00 01 'a' 10"],
  [
    'authentication data without method',
    'server',
    undefined,
    'protocolError',
    "10 12 00 04 'MQTT' 05 02 00 0a 04 16 00 01 aa 00 01 'a'",
  ],
  ['receive maximum 0', 'server', undefined, 'protocolError', "10 11 00 04 'MQTT' 05 02 00 0a 03 21 00 00 00 01 'a'"],
  [
    'maximum packet size 0',
    'server',
    undefined,
    'protocolError',
    "10 13 00 04 'MQTT' 05 02 00 0a 05 27 00 00 00 00 00 01 'a'",
  ],
  [
    'request problem information 2',
    'server',
    undefined,
    'protocolError',
    "10 10 00 04 'MQTT' 05 02 00 0a 02 17 02 00 01 'a'",
  ],
  [
    'will delay outside the will',
    'server',
    undefined,
    'malformedPacket',
    "10 13 00 04 'MQTT' 05 02 00 0a 05 18 00 00 00 00 00 01 'a'",
  ],
]

const publish: readonly Row[] = [
  ['topic empty in 3.1.1', 'server', 4, 'protocolError', '30 02 00 00'],
  ['topic empty without alias', 'server', 5, 'protocolError', '30 03 00 00 00'],
  ['topic length past the packet', 'server', 4, 'malformedPacket', "30 03 00 02 'a'"],
  ['half a topic length', 'server', 4, 'malformedPacket', '30 01 00'],
  ['no topic length', 'server', 4, 'malformedPacket', '30 00'],
  ['topic with +', 'server', 4, 'topicNameInvalid', "30 05 00 03 'a/+'"],
  ['topic with #', 'client', 5, 'topicNameInvalid', "30 06 00 03 'a/#' 00"],
  ['topic not UTF-8', 'server', 4, 'malformedPacket', '30 04 00 02 c0 80'],
  ['topic with U+0000', 'server', 4, 'malformedPacket', '30 04 00 02 61 00'],
  ['topic with a surrogate', 'server', 4, 'malformedPacket', '30 05 00 03 ed a0 80'],
  ['packet id 0', 'server', 4, 'protocolError', "32 05 00 01 'a' 00 00"],
  ['packet id missing', 'server', 4, 'malformedPacket', "32 04 00 01 'a' 00"],
  ['property length missing', 'server', 5, 'malformedPacket', "30 03 00 01 'a'"],
  ['property length past the packet', 'server', 5, 'malformedPacket', "30 05 00 01 'a' 02 01"],
  ['property length of five bytes', 'server', 5, 'malformedPacket', "30 08 00 01 'a' 80 80 80 80 00"],
  ['property length longer than it need be', 'server', 5, 'malformedPacket', "30 05 00 01 'a' 80 00"],
  ['property cut', 'server', 5, 'malformedPacket', "30 06 00 01 'a' 02 02 00"],
  ['property unknown', 'server', 5, 'malformedPacket', "30 06 00 01 'a' 02 7f 00"],
  ['property 0', 'server', 5, 'malformedPacket', "30 05 00 01 'a' 01 00"],
  ['property of another packet', 'server', 5, 'malformedPacket', "30 07 00 01 'a' 03 21 00 01"],
  ['property twice', 'server', 5, 'protocolError', "30 08 00 01 'a' 04 01 00 01 00"],
  ['topic alias twice', 'server', 5, 'protocolError', "30 0a 00 01 'a' 06 23 00 01 23 00 01"],
  ['topic alias 0', 'server', 5, 'topicAliasInvalid', "30 07 00 01 'a' 03 23 00 00"],
  ['payload format 2', 'server', 5, 'protocolError', "30 06 00 01 'a' 02 01 02"],
  ['response topic with wildcard', 'server', 5, 'topicNameInvalid', "30 08 00 01 'a' 04 08 00 01 '#'"],
  ['response topic empty', 'server', 5, 'protocolError', "30 07 00 01 'a' 03 08 00 00"],
  ['subscription identifier of a client', 'server', 5, 'protocolError', "30 06 00 01 'a' 02 0b 01"],
  ['subscription identifier 0', 'client', 5, 'protocolError', "30 06 00 01 'a' 02 0b 00"],
  ['content type not UTF-8', 'server', 5, 'malformedPacket', "30 08 00 01 'a' 04 03 00 01 ff"],
]

const subscriptions: readonly Row[] = [
  ['subscribe without filter', 'server', 4, 'protocolError', '82 02 00 01'],
  ['subscribe without filter', 'server', 5, 'protocolError', '82 03 00 01 00'],
  ['subscribe with packet id 0', 'server', 4, 'protocolError', "82 06 00 00 00 01 'a' 00"],
  ['subscribe with empty filter', 'server', 4, 'protocolError', '82 05 00 01 00 00 00'],
  ['subscribe without options', 'server', 4, 'malformedPacket', "82 05 00 01 00 01 'a'"],
  ['subscribe with QoS 3', 'server', 4, 'protocolError', "82 06 00 01 00 01 'a' 03"],
  ['subscribe with reserved options', 'server', 4, 'malformedPacket', "82 06 00 01 00 01 'a' 04"],
  ['subscribe with reserved options', 'server', 5, 'malformedPacket', "82 07 00 01 00 00 01 'a' 40"],
  ['subscribe with retain handling 3', 'server', 5, 'protocolError', "82 07 00 01 00 00 01 'a' 30"],
  ['no local on a shared subscription', 'server', 5, 'protocolError', "82 10 00 01 00 00 0a '$share/g/a' 04"],
  ['subscription identifier twice', 'server', 5, 'protocolError', "82 0b 00 01 04 0b 01 0b 02 00 01 'a' 00"],
  ['filter past the packet', 'server', 4, 'malformedPacket', "82 06 00 01 00 09 'a' 00"],
  ['unsubscribe without filter', 'server', 4, 'protocolError', 'a2 02 00 01'],
  ['unsubscribe with packet id 0', 'server', 4, 'protocolError', "a2 05 00 00 00 01 'a'"],
  ['unsubscribe with empty filter', 'server', 4, 'protocolError', 'a2 04 00 01 00 00'],
  ['suback without code', 'client', 4, 'malformedPacket', '90 02 00 01'],
  ['suback with code 3', 'client', 4, 'protocolError', '90 03 00 01 03'],
  ['suback with a code of another packet', 'client', 5, 'protocolError', '90 04 00 01 00 11'],
  ['unsuback without code', 'client', 5, 'malformedPacket', 'b0 03 00 01 00'],
  ['unsuback with a code of another packet', 'client', 5, 'protocolError', 'b0 04 00 01 00 01'],
]

const rest: readonly Row[] = [
  ['connack with flags', 'client', 4, 'malformedPacket', '20 02 02 00'],
  ['connack with code 6', 'client', 4, 'protocolError', '20 02 00 06'],
  ['connack with a code of another packet', 'client', 5, 'protocolError', '20 03 00 10 00'],
  ['connack that refuses and has a session', 'client', 4, 'protocolError', '20 02 01 05'],
  ['connack without properties', 'client', 5, 'malformedPacket', '20 02 00 00'],
  ['connack with maximum QoS 2', 'client', 5, 'protocolError', '20 05 00 00 02 24 02'],
  ['puback with packet id 0', 'server', 4, 'protocolError', '40 02 00 00'],
  ['pubcomp with packet id 0', 'client', 5, 'protocolError', '70 02 00 00'],
  ['puback with a code of another packet', 'server', 5, 'protocolError', '40 03 00 01 92'],
  ['pubrel with a code of another packet', 'server', 5, 'protocolError', '62 03 00 01 10'],
  ['puback with bytes after the properties', 'server', 5, 'malformedPacket', '40 05 00 01 00 00 00'],
  ['puback with reason string twice', 'server', 5, 'protocolError', "40 0c 00 01 00 08 1f 00 01 'a' 1f 00 01 'b'"],
  ['disconnect with a code of another packet', 'server', 5, 'protocolError', 'e0 01 18'],
  ['disconnect of a server with session expiry', 'client', 5, 'protocolError', 'e0 07 00 05 11 00 00 00 01'],
  ['auth with a code of another packet', 'server', 5, 'protocolError', 'f0 02 01 00'],
  ['auth without method', 'server', 5, 'protocolError', 'f0 02 18 00'],
  ['auth with half a reason', 'server', 5, 'protocolError', 'f0 01 19'],
]

describe.each([
  ['fixed header', fixedHeaders],
  ['before connect', beforeConnect],
  ['connect', connect],
  ['publish', publish],
  ['subscriptions', subscriptions],
  ['other packets', rest],
])('%s', (_part, rows) => {
  it.each(rows)('%s, to a %s at level %s, is answered by %s', (_name, role, level, reason, source) => {
    const bytes = hex(source)
    const error = refusal(parser(role, level), bytes)
    expect(error.code).toBe(reason === 'unsupportedProtocolVersion' ? 'unsupported' : 'invalid-argument')
    expect(error.details.reasonCode).toBe(ReasonCode[reason])
    const alone = refusal(parser(role, level), ...Array.from(bytes, byte => Uint8Array.of(byte)))
    expect(alone.message).toBe(error.message)
  })
})

describe('refusals', () => {
  it('tell which level was asked for', () => {
    const error = refusal(parser('server'), hex("10 0d 00 04 'MQTT' 07 02 00 0a 00 01 'a'"))
    expect(error.details).toEqual({ level: 7, reasonCode: 0x84 })
  })

  it('of a connect leave the level that it asked for, to answer at', () => {
    const target = parser('server')
    refusal(target, hex("10 11 00 04 'MQTT' 05 02 00 0a 03 21 00 00 00 01 'a'"))
    expect(target.level).toBe(5)
  })

  it('never quote what the peer sent', () => {
    const secret = Buffer.from('hunter2')
    const login = concat(hex("10 18 00 04 'MQTT' 04 c2 00 0a 00 01 'a' 00 01 'u'"), hex('00 09'), secret)
    const error = refusal(parser('server'), concat(login, new Uint8Array(3)))
    expect(error.message).not.toContain('hunter2')
    expect(JSON.stringify(error.details)).not.toContain('hunter2')
  })

  it('let the packets before them through', () => {
    const target = parser('server', 4)
    const seen: string[] = []
    const push = () =>
      target.push(hex('c0 00 40 02 00 07 40 02 00 00'), packet => {
        seen.push(packet.type)
      })
    expect(push).toThrow('packet id is 0')
    expect(seen).toEqual(['pingreq', 'puback'])
  })
})
