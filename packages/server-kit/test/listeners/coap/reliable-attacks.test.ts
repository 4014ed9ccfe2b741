import { Code, encodeFrame, encodeWebSocketMessage, Signal } from '@thingmesh/core/coap'
import { describe, expect, it } from 'vitest'
import { observe } from './peer.ts'
import type { ReliablePeer } from './reliable-peer.ts'
import { startOver, type Transport, tcp, transports } from './reliable-site.ts'

/*
 * Classes of attacks that were tried on brokers in use, on the doors of CoAP that are connections. Each time the hub
 * lives, holds no more than it may, and others notice nothing.
 */

async function start(transport: Transport<ReliablePeer>, options: Parameters<typeof startOver>[1] = {}) {
  const site = await startOver(transport, options)
  const bystander = await site.peer()
  return {
    ...site,
    async undisturbed() {
      expect((await bystander.ask({ code: Code.put, path: '/c/telemetry/aside', payload: 'here' })).code).toBe(
        Code.changed,
      )
      await expect.poll(() => site.counter('coap_connections')).toBe(1)
    },
  }
}

describe.each(transports)('over %s', (name, transport) => {
  const encode = name === 'TCP' ? encodeFrame : encodeWebSocketMessage
  const csm = encode({ code: Signal.csm, token: new Uint8Array(0), options: [], payload: new Uint8Array(0) })

  /** What a peer would send, as bytes. */
  async function request(site: Awaited<ReturnType<typeof start>>): Promise<Uint8Array> {
    const peer = await site.open()
    const sent: Uint8Array[] = []
    peer.carrier.write = bytes => void sent.push(bytes)
    peer.tell({ code: Code.post, path: '/c/telemetry/a', payload: 'x'.repeat(16) })
    peer.carrier.destroy()
    return sent[0]!
  }

  it('a request may end at any byte, or have any byte turned over', async () => {
    const site = await start(transport)
    const whole = await request(site)
    const tries = [...whole].flatMap((byte, i) => [
      whole.subarray(0, i),
      ...[0xff, 0x01, 0x80].map(mask => {
        const turned = whole.slice()
        turned[i] = byte ^ mask
        return turned
      }),
    ])
    for (const bytes of tries) {
      const peer = await site.open()
      peer.carrier.write(csm)
      peer.carrier.write(bytes)
      peer.carrier.end()
      await peer.closed
    }
    await site.undisturbed()
  })

  it('noise ends its connection', async () => {
    const site = await start(transport)
    let state = 20_261_126
    const random = () => {
      state = (state * 48_271) % 2_147_483_647
      return state
    }
    for (let i = 0; i < 100; i++) {
      const peer = await site.open()
      if (i % 2 === 0) peer.carrier.write(csm)
      for (let n = 0; n < 5; n++) peer.carrier.write(Uint8Array.from({ length: random() % 200 }, () => random() & 0xff))
      peer.carrier.end()
      await peer.closed
    }
    await site.undisturbed()
  })

  it('200 connections that say nothing, or half, shut nobody out and are cleared away', async () => {
    const site = await start(transport, { settingsTimeoutMs: 500 })
    const silent = await Promise.all(Array.from({ length: 200 }, () => site.open()))
    if (name === 'TCP') for (const peer of silent.slice(0, 100)) peer.carrier.write(csm.subarray(0, 1))
    await expect.poll(() => site.counter('coap_connections')).toBe(201)
    await Promise.all(silent.map(({ closed }) => closed))
    expect(site.counter('coap_refused_total', 'settings-timeout')).toBe(200)
    await site.undisturbed()
  })

  it('observations begun and ended without end leave nothing, and those of who is gone go with him', async () => {
    const site = await start(transport)
    const peer = await site.peer()
    for (let i = 0; i < 200; i++) {
      const token = Uint8Array.of(i)
      expect((await peer.ask({ path: '/c/telemetry/#', token, options: [observe(0)] })).code).toBe(Code.content)
      expect((await peer.ask({ path: '/c/telemetry/#', token, options: [observe(1)] })).code).toBe(Code.content)
    }
    expect(site.counter('coap_observers')).toBe(0)
    for (let i = 0; i < 16; i++)
      await peer.ask({ path: '/c/telemetry/#', token: Uint8Array.of(i), options: [observe(0)] })
    const more = await peer.ask({ path: '/c/telemetry/#', token: Uint8Array.of(16), options: [observe(0)] })
    expect(more.code).toBe(Code.serviceUnavailable)
    peer.carrier.destroy()
    await expect.poll(() => site.counter('coap_observers')).toBe(0)
    await site.undisturbed()
  })

  it('pings, signals and responses that nobody asked for do no harm', async () => {
    const site = await start(transport)
    const peer = await site.peer()
    for (let i = 0; i < 2_000; i++) {
      peer.send({ code: Signal.ping, token: Uint8Array.of(i >> 8, i) })
      peer.send({ code: Code.content, token: Uint8Array.of(i) })
      peer.send({ code: Signal.pong })
      // Not one of the signals there are; elective (RFC 8323, section 5.1).
      peer.send({ code: 0xff })
    }
    const { code } = await peer.ask({ path: '/c/telemetry/none', token: Uint8Array.of(1, 2, 3) })
    expect(code).toBe(Code.notFound)
    peer.carrier.destroy()
    await site.undisturbed()
  })
})

it('pings of who does not read the answers are read no further, and he is cut', async () => {
  const site = await start(tcp, { socketBytesMax: 16_384, drainTimeoutMs: 100 })
  const frozen = await site.peer()
  frozen.carrier.pause()
  const ping = encodeFrame({ code: Signal.ping, token: new Uint8Array(8), options: [], payload: new Uint8Array(0) })
  const many = new Uint8Array(Buffer.concat(Array.from({ length: 5_000 }, () => ping)))
  // Until neither system takes more.
  for (let i = 0; i < 2_000 && site.counter('coap_connections') > 1; i++) {
    frozen.carrier.write(many)
    await new Promise(resolve => setImmediate(resolve))
  }
  await expect.poll(() => site.counter('coap_connections'), { timeout: 10_000 }).toBe(1)
  expect(site.counter('coap_refused_total', 'drain-timeout')).toBe(1)
  await site.undisturbed()
})
