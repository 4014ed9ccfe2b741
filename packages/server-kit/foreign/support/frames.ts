/**
 * MQTT 3.1.1 on the wire, as little of it as the tests' own client takes, and independent of the product's codec: a
 * test that shares its codec with the hub would not see what both get wrong.
 */
export function connectFrame(
  options: { readonly clientId: string; readonly username: string; readonly password: string },
  cleanSession: boolean,
): Buffer {
  const keepAliveSeconds = 600
  const flags = 0xc0 | (cleanSession ? 0x02 : 0)
  const head = Buffer.from([0, 4, 0x4d, 0x51, 0x54, 0x54, 4, flags, keepAliveSeconds >> 8, keepAliveSeconds & 0xff])
  return frame(0x10, [head, text(options.clientId), text(options.username), text(options.password)])
}

export function subscribeFrame(packetId: number, filter: string, qos: 0 | 1 | 2): Buffer {
  return frame(0x82, [uint16(packetId), text(filter), Buffer.from([qos])])
}

/** `packetId` 0 for QoS 0. */
export function publishFrame(topic: string, payload: string, packetId: number, dup = false, qos: 1 | 2 = 1): Buffer {
  const parts = packetId === 0 ? [text(topic)] : [text(topic), uint16(packetId)]
  const first = packetId === 0 ? 0x30 : 0x30 | (dup ? 0x08 : 0) | (qos << 1)
  return frame(first, [...parts, Buffer.from(payload)])
}

/** The steps of QoS 2: their first bytes, that of PUBLISH without its flags. */
export const publish = 0x30
export const pubrec = 0x50
export const pubrel = 0x62
export const pubcomp = 0x70

export function stepFrame(step: typeof pubrec | typeof pubrel | typeof pubcomp, packetId: number): Buffer {
  return Buffer.from([step, 2, packetId >> 8, packetId & 0xff])
}

export function pubackFrame(packetId: number): Buffer {
  return Buffer.from([0x40, 2, packetId >> 8, packetId & 0xff])
}

export const disconnectFrame = Buffer.from([0xe0, 0])

/** Calls `on` for each whole packet: its first byte and what follows the length. Returns what is left over. */
export function splitFrames(bytes: Buffer, on: (first: number, body: Buffer) => void): Buffer {
  let at = 0
  for (;;) {
    let length = 0
    let shift = 0
    let next = at + 1
    for (;;) {
      const byte = bytes[next]
      if (byte === undefined) return bytes.subarray(at)
      next += 1
      length += (byte & 0x7f) << shift
      if (byte < 0x80) break
      shift += 7
      if (shift > 21) throw new Error('the hub sent a length of more than four bytes')
    }
    if (next + length > bytes.length) return bytes.subarray(at)
    on(bytes[at]!, bytes.subarray(next, next + length))
    at = next + length
  }
}

function frame(first: number, parts: readonly Buffer[]): Buffer {
  const body = Buffer.concat(parts)
  const length: number[] = []
  let rest = body.length
  do {
    const more = rest > 0x7f
    length.push((rest & 0x7f) | (more ? 0x80 : 0))
    rest >>= 7
  } while (rest > 0)
  return Buffer.concat([Buffer.from([first, ...length]), body])
}

function text(value: string): Buffer {
  const bytes = Buffer.from(value)
  return Buffer.concat([uint16(bytes.length), bytes])
}

function uint16(value: number): Buffer {
  return Buffer.from([value >> 8, value & 0xff])
}
