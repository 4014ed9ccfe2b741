import { blockOption, Code, encodeMessage, OptionNumber, stringOption, uintOption } from '@thingmesh/core/coap'
import { describe, expect, it } from 'vitest'
import { bytes, textOf as messageText, take } from '../../support/hub.ts'
import { type Site, startSite } from './fixture.ts'
import { observe, type TestPeer, textOf } from './peer.ts'

/*
 * Classes of attacks that were tried on brokers in use, on this door. Each time the hub lives, holds no more than it may,
 * and others notice nothing.
 */

async function start(listener: Parameters<typeof startSite>[0] = {}) {
  const site = await startSite(listener)
  const bystander = await site.peer(await site.thing('bystander', ['publish', 'subscribe'], 'aside/#'))
  const attacker = await site.thing('attacker')
  return {
    site,
    attacker,
    peer: await site.peer(attacker),
    async undisturbed() {
      expect(await bystander.codeOf({ code: Code.put, path: '/c/telemetry/aside/a', payload: 'here' })).toBe('2.04')
      expect(textOf(await bystander.ask({ path: '/c/telemetry/aside/a' }))).toBe('here')
      expect(site.faults).toEqual([])
    },
  }
}

/** Sends without waiting, a few at a time, so that it is the hub that is tried and not a socket's buffer. */
async function flood(peer: TestPeer, count: number, datagram: (i: number) => Uint8Array): Promise<void> {
  for (let i = 0; i < count; i++) {
    peer.send(datagram(i))
    if (i % 64 === 63) await peer.settled()
  }
  await peer.settled()
  peer.inbox.splice(0)
}

const gauge = (site: Site, name: string) => site.counter(`coap_${name}`)

describe('malformed datagrams', () => {
  it('every request cut at every byte, and with every byte turned over', async () => {
    const { peer, undisturbed } = await start()
    const options = [
      uintOption(OptionNumber.contentFormat, 50),
      blockOption(OptionNumber.block1, { number: 0, more: true, sizeExponent: 0 }),
    ]
    const whole = encodeMessage(
      peer.request({ code: Code.post, path: '/c/telemetry/a', payload: 'x'.repeat(16), options }),
    )
    await flood(peer, whole.length, i => whole.subarray(0, i))
    await flood(peer, whole.length * 3, i => {
      const turned = whole.slice()
      turned[i % whole.length]! ^= [0xff, 0x01, 0x80][Math.floor(i / whole.length)]!
      return turned
    })
    await undisturbed()
  })

  it('noise', async () => {
    const { site, peer, undisturbed } = await start()
    let state = 20_261_125
    const random = () => {
      state = (state * 48_271) % 2_147_483_647
      return state
    }
    await flood(peer, 2_000, () => Uint8Array.from({ length: random() % 60 }, () => random() & 0xff))
    expect(site.counter('coap_refused_total', { limit: 'malformed' })).toBeGreaterThan(1_000)
    await undisturbed()
  })

  it('datagrams as large as they can be', async () => {
    const { site, peer, undisturbed } = await start()
    await flood(peer, 100, () => new Uint8Array(60_000).fill(0x41))
    expect(site.counter('coap_refused_total', { limit: 'datagram-bytes' })).toBe(100)
    await undisturbed()
  })
})

describe('memory', () => {
  it('a flood of requests, each with an id of its own, is remembered within bounds', async () => {
    const { site, attacker, undisturbed } = await start({ listener: { exchangesPerPeerMax: 100, exchangesMax: 500 } })
    for (let p = 0; p < 8; p++) {
      const peer = await site.peer(attacker)
      await flood(peer, 256, i => encodeMessage(peer.request({ code: Code.post, path: '/c/telemetry', messageId: i })))
    }
    expect(gauge(site, 'exchanges')).toBeLessThanOrEqual(500)
    expect(gauge(site, 'requests')).toBe(0)
    await undisturbed()
  })

  it('transfers that are begun and never ended are bounded, however they are named', async () => {
    const { site, peer, undisturbed } = await start({ listener: { transfersMax: 50 } })
    const block = blockOption(OptionNumber.block1, { number: 0, more: true, sizeExponent: 6 })
    await flood(peer, 300, i =>
      encodeMessage(
        peer.request({
          code: Code.post,
          path: `/c/telemetry/${i % 100}`,
          payload: new Uint8Array(1_024),
          options: [block, { number: OptionNumber.requestTag, value: Uint8Array.of(i) }],
        }),
      ),
    )
    expect(gauge(site, 'transfers')).toBe(50)
    expect(gauge(site, 'transfers_bytes')).toBe(50 * 1_024)
    await undisturbed()
  })

  it('observations begun and ended without end leave nothing', async () => {
    const { site, peer, undisturbed } = await start()
    for (let i = 0; i < 200; i++) {
      const token = Uint8Array.of(i)
      expect(await peer.codeOf({ path: '/c/telemetry/#', token, options: [observe(0)] })).toBe('2.05')
      expect(await peer.codeOf({ path: '/c/telemetry/#', token, options: [observe(1)] })).toBe('2.05')
    }
    expect(gauge(site, 'observers')).toBe(0)
    await undisturbed()
  })

  it('an observer that takes nothing costs a bounded queue, and loses nothing for it', async () => {
    const { site, peer, undisturbed } = await start({
      limits: { queueMessagesMax: 16 },
      listener: { ackTimeoutMs: 20_000 },
    })
    const writer = await site.witness(await site.thing('writer'))
    const token = Uint8Array.of(1)
    await peer.ask({ path: '/c/telemetry/#', token, options: [observe(0)] })
    await writer.publish('telemetry/a', bytes('first'))
    const { messageId } = await peer.take(({ code }) => code === Code.empty)
    peer.reset({ messageId } as Awaited<ReturnType<TestPeer['take']>>)
    const held = await peer.take(({ code }) => code === Code.content)
    for (let i = 0; i < 500; i++) await writer.publish('telemetry/a', new Uint8Array(1_000).fill(i))
    expect(gauge(site, 'notifications_waiting_bytes')).toBeLessThanOrEqual(16_000)
    expect(site.counter('queues_bytes')).toBeLessThan(200_000)
    peer.acknowledge(held)
    for (let i = 0; i < 500; i++) expect((await peer.notification(token)).payload[0]).toBe(i & 0xff)
    await undisturbed()
  })
})

describe('rights', () => {
  it('names from objects are names like others', async () => {
    const { site, peer, undisturbed } = await start()
    const witness = await site.witness(await site.thing('witness'))
    for (const name of ['__proto__', 'constructor', 'toString']) {
      expect(await peer.codeOf({ code: Code.post, path: `/c/telemetry/${name}`, payload: name })).toBe('2.04')
      expect(await peer.codeOf({ path: '/c/telemetry', query: [`${name}=x`] })).toBe('4.00')
      expect(await peer.codeOf({ path: `/${name}/telemetry` })).toBe('4.04')
    }
    expect((await take(witness, 3)).map(messageText)).toEqual(['__proto__', 'constructor', 'toString'])
    await undisturbed()
  })

  it('line breaks and controls in a path reach nothing', async () => {
    const { peer, undisturbed } = await start()
    for (const level of ['a\r\nb', 'a\0b', '\u001b[2J', '\ufeff', '\u0085']) {
      const options = [stringOption(OptionNumber.uriPath, level)]
      expect(await peer.codeOf({ code: Code.post, path: '/c/telemetry', options })).toBe('4.00')
    }
    await undisturbed()
  })

  it('a pattern observes what the grants allow, and no more', async () => {
    const { site } = await start()
    const writer = await site.witness(await site.thing('writer'))
    await writer.publish('telemetry/other/a', 'kept from it', { retain: true })
    const peer = await site.peer(await site.thing('narrow', ['subscribe'], 'own/#'))
    const token = Uint8Array.of(1)
    expect(await peer.codeOf({ path: '/c/+/#', token, options: [observe(0)] })).toBe('2.05')
    await writer.publish('telemetry/other/a', 'kept from it')
    await writer.publish('telemetry/own/a', 'its own')
    expect(textOf(await peer.notification(token))).toBe('its own')
    expect(await peer.codeOf({ path: '/c/telemetry/other/a' })).toBe('4.03')
  })

  it('a token or a transfer of one endpoint is nothing at another', async () => {
    const { site, attacker } = await start()
    const owner = await site.peer(await site.thing('owner'))
    const peer = await site.peer(attacker)
    const token = Uint8Array.of(1)
    await owner.ask({ path: '/c/telemetry/#', token, options: [observe(0)] })
    await peer.ask({ path: '/c/telemetry/#', token, options: [observe(1)] })
    expect(gauge(site, 'observers')).toBe(1)
  })
})

describe('amplification', () => {
  it('nobody is sent more than three times what came from his address before he has shown that he hears it', async () => {
    const { site, attacker } = await start()
    const owner = await site.peer(attacker)
    await owner.ask({ code: Code.put, path: '/c/telemetry/a', payload: 'x'.repeat(1_000) })
    const victim = await site.peer(attacker)
    let sent = 0
    const sizes = [
      { path: '/c/telemetry/a' },
      { path: '/c/telemetry/a', options: [observe(0)] },
      { path: '/.well-known/core' },
      { path: '/c/telemetry/a', type: 'non-confirmable' as const },
      { path: '/nothing' },
    ]
    for (const asked of sizes) {
      const request = encodeMessage(victim.request(asked))
      sent += request.length
      victim.send(request)
    }
    const writer = await site.witness(await site.thing('writer'))
    for (let i = 0; i < 20; i++) await writer.publish('telemetry/a', 'y'.repeat(1_000))
    await victim.settled()
    await expect.poll(() => victim.inbox.length).toBeGreaterThanOrEqual(sizes.length)
    const received = victim.inbox.reduce((sum, message) => sum + encodeMessage(message).length, 0)
    expect(received).toBeLessThanOrEqual(3 * sent)
    expect(victim.inbox.filter(({ code }) => code === Code.content).length).toBeLessThanOrEqual(1)
    expect(gauge(site, 'observers')).toBe(0)
  })
})
