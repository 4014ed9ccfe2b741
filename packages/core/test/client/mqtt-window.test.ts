import type { Connection, OutgoingDraft, ThingmeshError } from '@thingmesh/core'
import { encodePacket, type Packet, PacketParser, type Properties } from '@thingmesh/core/mqtt'
import { mqttTransport } from '@thingmesh/core/mqtt-client'
import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest'

beforeEach(() => {
  vi.useFakeTimers()
})
afterEach(() => {
  vi.useRealTimers()
})

const draft: OutgoingDraft = {
  topic: 'telemetry/a',
  payload: new Uint8Array(8),
  contentType: '',
  delivery: 'at-least-once',
  retain: false,
  key: undefined,
}

/** A hub that answers when it is told to, and a client's connection that has as much under way as it may. */
async function open(told: Properties) {
  const packets: Packet[] = []
  const parser = new PacketParser({ role: 'server', maximumPacketSize: 1_024 })
  const unanswered: number[] = []
  let say = (_: Packet): void => undefined
  const transport = mqttTransport(
    async handlers => {
      say = packet => handlers.onBytes(encodePacket(packet, 5))
      return {
        bufferedBytes: 0,
        send: bytes =>
          parser.push(bytes, packet => {
            packets.push(packet)
            if (packet.type === 'connect')
              say({ type: 'connack', sessionPresent: false, reasonCode: 0, properties: told })
            if (packet.type === 'publish') unanswered.push(packet.packetId)
            if (packet.type === 'pingreq') say({ type: 'pingresp' })
            return true
          }),
        end: () => undefined,
        destroy: () => undefined,
      }
    },
    { timeoutMs: 10_000, keepAliveSeconds: 30 },
  )
  const connection = await transport.open(new AbortController().signal)
  let ended: ThingmeshError | undefined
  connection.closed.then(error => {
    ended = error
  })
  fill(connection)
  return {
    connection,
    packets,
    unanswered,
    get ended() {
      return ended
    },
    answer(count: number) {
      for (const packetId of unanswered.splice(0, count)) say({ type: 'puback', packetId, reasonCode: 0 })
    },
  }
}

function fill(connection: Connection): void {
  let underWay = 0
  const settled = (published: unknown): void => {
    underWay--
    if (published !== undefined) send()
  }
  const send = (): void => {
    for (; underWay < connection.inFlightMax; underWay++) connection.send!(draft, settled)
  }
  send()
}

describe('what a client has under way over MQTT', () => {
  it('begins at 64, and grows with prompt answers up to the Receive Maximum that it has asked for', async () => {
    const hub = await open({ receiveMaximum: 512 })
    expect(hub.packets[0]).toMatchObject({
      type: 'connect',
      properties: { userProperties: [['server-receive-maximum', '512']] },
    })
    expect(hub.unanswered.length).toBe(64)
    hub.answer(64)
    expect(hub.unanswered.length).toBe(128)
    for (let i = 0; i < 5; i++) hub.answer(hub.unanswered.length)
    expect(hub.unanswered.length).toBe(512)
    // Each has a packet id of its own, of the lowest there are.
    expect(new Set(hub.unanswered).size).toBe(512)
    expect(Math.max(...hub.unanswered)).toBe(512)
  })

  it.each([
    ['a Receive Maximum of 20', { receiveMaximum: 20 }, 20],
    ['no Receive Maximum', {}, 64],
    ['one beyond what was asked for', { receiveMaximum: 65_535 }, 512],
  ])('keeps to what a server says: %s', async (_, told, most) => {
    const hub = await open(told)
    for (let i = 0; i < 10; i++) hub.answer(hub.unanswered.length)
    expect(hub.unanswered.length).toBe(most)
  })

  it('does not grow where answers are slow, and shrinks where they become so', async () => {
    const hub = await open({ receiveMaximum: 512 })
    await vi.advanceTimersByTimeAsync(1_000)
    hub.answer(64)
    expect(hub.unanswered.length).toBe(64)
    for (let i = 0; i < 5; i++) hub.answer(hub.unanswered.length)
    expect(hub.unanswered.length).toBe(512)
    await vi.advanceTimersByTimeAsync(1_000)
    hub.answer(500)
    expect(hub.unanswered.length).toBe(64)
  })

  it('may wait longer than for one answer while answers come, and no longer once none does', async () => {
    const hub = await open({ receiveMaximum: 512 })
    for (let i = 0; i < 5; i++) hub.answer(hub.unanswered.length)
    const last = hub.unanswered.length
    for (let i = 0; i < last / 8; i++) {
      await vi.advanceTimersByTimeAsync(500)
      hub.answer(8)
    }
    expect(hub.ended).toBeUndefined()
    await vi.advanceTimersByTimeAsync(12_000)
    expect(hub.ended).toMatchObject({ code: 'timeout', outcome: 'unknown' })
  })
})
