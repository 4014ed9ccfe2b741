import { once } from 'node:events'
import { connect, type Socket } from 'node:net'
import {
  blockOption,
  type CoapBody,
  Code,
  codeText,
  encodeFrame,
  FrameParser,
  findOption,
  OptionNumber,
  Signal,
  SignalOption,
  stringOption,
  uintOption,
} from '@thingmesh/core/coap'
import { describe, expect, it, onTestFinished, vi } from 'vitest'
import { createHub } from '../../../src/index.ts'
import { type CoapTcpListenerOptions, coapTcpListener } from '../../../src/listeners/coap/index.ts'
import { type MemoryConnection, memoryListener } from '../../../src/listeners/memory/index.ts'
import { memoryStore } from '../../../src/store/memory/index.ts'
import { textOf as messageText, take } from '../../support/hub.ts'
import { observe, same } from './peer.ts'

const none = new Uint8Array(0)
const path = '/c/telemetry/a'
const token = Uint8Array.of(0xab)
const textOf = ({ payload }: CoapBody) => new TextDecoder().decode(payload)
const uintOf = ({ options }: CoapBody, number: number) =>
  findOption(options, number)?.reduce((value, byte) => value * 256 + byte, 0)

interface Asked {
  readonly code?: number
  readonly path?: string
  readonly options?: CoapBody['options']
  readonly payload?: string
  readonly token?: Uint8Array
}

/** A CoAP peer over TCP, by hand. */
class StreamPeer {
  readonly inbox: CoapBody[] = []
  readonly socket: Socket
  readonly closed: Promise<unknown>
  readonly #key: string
  #count = 0

  constructor(socket: Socket, key: string) {
    this.socket = socket
    this.#key = key
    this.closed = new Promise(resolve => socket.once('close', resolve))
    const parser = new FrameParser(1_000_000)
    socket.on('data', chunk => parser.push(new Uint8Array(chunk as Buffer), message => this.inbox.push(message)))
    socket.on('error', () => undefined)
  }

  send(body: Partial<CoapBody>): void {
    this.socket.write(encodeFrame({ code: 0, token: none, options: [], payload: none, ...body }))
  }

  tell({ code = Code.get, path: at = path, options = [], payload = '', token: own }: Asked): Uint8Array {
    this.#count += 1
    const sent = own ?? Uint8Array.of(this.#count >> 8, this.#count)
    const segments = at
      .split('/')
      .slice(1)
      .map(segment => stringOption(OptionNumber.uriPath, segment))
    const query = [stringOption(OptionNumber.uriQuery, `auth=${this.#key}`)]
    const told = [...segments, ...query, ...options]
    this.send({ code, token: sent, options: told, payload: new TextEncoder().encode(payload) })
    return sent
  }

  async ask(asked: Asked): Promise<CoapBody> {
    const sent = this.tell(asked)
    return this.take(message => same(message.token, sent))
  }

  take(fits: (message: CoapBody) => boolean = () => true): Promise<CoapBody> {
    return vi.waitFor(
      () => {
        const at = this.inbox.findIndex(fits)
        if (at === -1) throw new Error(`nothing that fits among ${this.inbox.map(({ code }) => codeText(code))}`)
        return this.inbox.splice(at, 1)[0]!
      },
      { timeout: 8_000, interval: 2 },
    )
  }
}

interface Site {
  readonly hub: Awaited<ReturnType<typeof createHub>>
  readonly key: string
  readonly writer: MemoryConnection
  /** Connected, and nothing said. */
  open(): Promise<StreamPeer>
  /** Connected, with settings exchanged. */
  peer(): Promise<StreamPeer>
  counter(name: string, limit?: string): number
}

async function start(options: CoapTcpListenerOptions = {}): Promise<Site> {
  const memory = memoryListener()
  const door = coapTcpListener({ port: 0, ...options })
  const faults: unknown[] = []
  const hub = await createHub({ store: memoryStore(), listeners: [memory, door], onFault: error => faults.push(error) })
  await hub.start()
  onTestFinished(async () => {
    await hub.stop()
    expect(faults).toEqual([])
  })
  await hub.control.channels.create({ name: 'telemetry' })
  const { key } = await hub.control.things.create({ name: 'sensor' })
  await hub.control.grants.create({ thing: 'sensor', channel: 'telemetry', actions: ['publish', 'subscribe', 'read'] })
  const writer = await memory.connect({ credential: { kind: 'key', secret: key.secret } })
  const open = async () => {
    const socket = connect(door.address!.port, '127.0.0.1')
    onTestFinished(() => {
      socket.destroy()
    })
    const peer = new StreamPeer(socket, key.secret)
    await once(socket, 'connect')
    return peer
  }
  return {
    hub,
    key: key.secret,
    writer,
    open,
    async peer() {
      const peer = await open()
      peer.send({ code: Signal.csm })
      await peer.take(({ code }) => code === Signal.csm)
      return peer
    },
    counter(name, limit) {
      const samples = hub.meter.collect().find(one => one.name === `thingmesh_coap_${name}`)?.samples ?? []
      return samples
        .filter(({ labels }) => limit === undefined || labels.limit === limit)
        .reduce((sum, { value }) => sum + value, 0)
    },
  }
}

describe('CoAP over TCP', () => {
  it('tells what it takes, and has the same resources as over UDP', async () => {
    const { open, writer } = await start()
    const peer = await open()
    const settings = await peer.take()
    expect([settings.code, uintOf(settings, SignalOption.maxMessageSize)]).toEqual([Signal.csm, 1_152])
    expect(findOption(settings.options, SignalOption.blockWiseTransfer)).toEqual(none)
    peer.send({ code: Signal.csm })
    await writer.subscribe('telemetry/#')
    const options = [uintOption(OptionNumber.contentFormat, 50)]
    expect((await peer.ask({ code: Code.put, payload: '{"t":1}', options })).code).toBe(Code.changed)
    const value = await peer.ask({})
    expect([value.code, textOf(value), uintOf(value, OptionNumber.contentFormat)]).toEqual([
      Code.content,
      '{"t":1}',
      50,
    ])
    expect((await peer.ask({ code: Code.delete })).code).toBe(Code.deleted)
    expect((await peer.ask({})).code).toBe(Code.notFound)
    expect((await peer.ask({ path: '/.well-known/core' })).code).toBe(Code.content)
    const [message] = await take(writer, 1)
    expect(message).toMatchObject({ contentType: 'application/json', delivery: 'at-least-once', protocol: 'coap' })
    expect(messageText(message!)).toBe('{"t":1}')
  })

  it('answers many requests that came at once, each under its token', async () => {
    const { peer: connected } = await start()
    const peer = await connected()
    const tokens = Array.from({ length: 50 }, (_, i) => peer.tell({ code: Code.post, path: `/c/telemetry/${i}` }))
    for (const sent of tokens) expect((await peer.take(message => same(message.token, sent))).code).toBe(Code.changed)
  })

  it('leaves out answers that nobody wants', async () => {
    const { peer: connected } = await start()
    const peer = await connected()
    peer.tell({ code: Code.post, options: [uintOption(OptionNumber.noResponse, 26)] })
    expect((await peer.ask({})).code).toBe(Code.notFound)
    expect(peer.inbox).toEqual([])
  })

  it('takes and gives bodies in blocks', async () => {
    const { peer: connected } = await start()
    const peer = await connected()
    const text = Array.from({ length: 400 }, (_, i) => `${i}`.padStart(8, '.')).join('')
    for (let number = 0; number < 4; number++) {
      const options = [blockOption(OptionNumber.block1, { number, more: number < 3, sizeExponent: 6 })]
      const payload = text.slice(number * 1_024, (number + 1) * 1_024)
      const { code } = await peer.ask({ code: Code.put, payload, options })
      expect(code).toBe(number < 3 ? Code.continue : Code.changed)
    }
    let got = ''
    for (let number = 0; number < 4; number++) {
      const options = [blockOption(OptionNumber.block2, { number, more: false, sizeExponent: 6 })]
      got += textOf(await peer.ask({ options }))
    }
    expect(got).toBe(text)
  })

  it('tells observers every message in order', async () => {
    const { peer: connected, writer, counter } = await start()
    const peer = await connected()
    await peer.ask({ token, options: [observe(0)] })
    for (let i = 0; i < 200; i++)
      await writer.publish('telemetry/a', `${i}`, { delivery: i % 2 ? 'at-least-once' : 'at-most-once' })
    const seen: string[] = []
    while (seen.length < 200) seen.push(textOf(await peer.take(message => same(message.token, token))))
    expect(seen).toEqual(Array.from({ length: 200 }, (_, i) => `${i}`))
    expect(counter('observers')).toBe(1)
    peer.socket.destroy()
    await expect.poll(() => counter('observers')).toBe(0)
  })

  it('answers pings, and pings who is silent', async () => {
    const { peer: connected, counter } = await start({ observerSilenceMs: 200, settingsTimeoutMs: 400 })
    const peer = await connected()
    peer.send({ code: Signal.ping, token: Uint8Array.of(7) })
    expect(await peer.take(({ code }) => code === Signal.pong)).toMatchObject({ token: Uint8Array.of(7) })
    await peer.take(({ code }) => code === Signal.ping)
    peer.send({ code: Signal.pong })
    await peer.take(({ code }) => code === Signal.ping)
    await peer.closed
    await expect.poll(() => counter('connections')).toBe(0)
  })
})

describe('a connection ends', () => {
  it.each<readonly [string, Partial<CoapBody>, string]>([
    ['where its first message is no CSM', { code: Code.get }, 'the first message is no csm'],
    ['where it is a ping', { code: Signal.ping }, 'the first message is no csm'],
  ])('%s', async (_name, first, text) => {
    const { open } = await start()
    const peer = await open()
    peer.send(first)
    const abort = await peer.take(({ code }) => code === Signal.abort)
    expect(textOf(abort)).toBe(text)
    await peer.closed
  })

  it('where its CSM wants what there is not', async () => {
    const { open } = await start()
    const peer = await open()
    peer.send({ code: Signal.csm, options: [{ number: 9, value: none }] })
    const abort = await peer.take(({ code }) => code === Signal.abort)
    expect(uintOf(abort, SignalOption.badCsmOption)).toBe(9)
    await peer.closed
  })

  it('where it sends what is malformed, or too large, from its first bytes', async () => {
    const { peer: connected, counter } = await start()
    const malformed = await connected()
    malformed.socket.write(Uint8Array.of(0x09))
    await malformed.take(({ code }) => code === Signal.abort)
    const large = await connected()
    large.socket.write(Uint8Array.of(0xf0, 0xff, 0xff, 0xff, 0xff))
    expect(textOf(await large.take(({ code }) => code === Signal.abort))).toContain('the limit is 1152')
    await Promise.all([malformed.closed, large.closed])
    expect([counter('refused_total', 'malformed'), counter('refused_total', 'datagram-bytes')]).toEqual([1, 1])
  })

  it('where nothing is said in time', async () => {
    const { open, counter } = await start({ settingsTimeoutMs: 100 })
    const peer = await open()
    await peer.closed
    expect(counter('refused_total', 'settings-timeout')).toBe(1)
  })

  it('where there are too many, in all or from one address', async () => {
    const all = await start({ connectionsMax: 1 })
    await all.peer()
    await (await all.open()).closed
    expect(all.counter('refused_total', 'connections')).toBe(1)
    const one = await start({ connectionsPerAddressMax: 1 })
    await one.peer()
    await (await one.open()).closed
    expect(one.counter('refused_total', 'connections-per-address')).toBe(1)
  })

  it('where the hub stops, with a release', async () => {
    const { peer: connected, hub } = await start()
    const peer = await connected()
    await peer.ask({ token, options: [observe(0)] })
    await hub.stop()
    expect((await peer.take(message => same(message.token, token))).code).toBe(Code.serviceUnavailable)
    await peer.take(({ code }) => code === Signal.release)
    await peer.closed
  })
})

describe('a peer that does not read', () => {
  it('is read no further, then cut, and what it observed is not held for it', async () => {
    const {
      peer: connected,
      writer,
      counter,
    } = await start({
      socketBytesMax: 16_384,
      drainTimeoutMs: 100,
      requestsPerPeerMax: 100_000,
    })
    const frozen = await connected()
    await frozen.ask({ token, options: [observe(0)], path: '/c/telemetry/#' })
    await writer.publish('telemetry/a', 'x'.repeat(1_000), { retain: true })
    frozen.socket.pause()
    // Answers of a kilobyte each, until neither system takes more.
    for (let i = 0; i < 20_000 && counter('connections') > 0; i++) {
      frozen.tell({})
      if (i % 50 === 0) await new Promise(resolve => setImmediate(resolve))
    }
    await expect.poll(() => counter('connections'), { timeout: 20_000 }).toBe(0)
    expect(counter('refused_total', 'drain-timeout')).toBe(1)
    expect(counter('observers')).toBe(0)
  })

  it('and asks on has no more requests under way than it may', async () => {
    const { peer: connected, counter } = await start({ requestsPerPeerMax: 4 })
    const peer = await connected()
    const frames = Array.from({ length: 20 }, (_, i) => peer.tell({ code: Code.post, token: Uint8Array.of(i) }))
    const codes = []
    for (const sent of frames) codes.push((await peer.take(message => same(message.token, sent))).code)
    expect(new Set(codes)).toEqual(new Set([Code.changed, Code.serviceUnavailable]))
    expect(counter('refused_total', 'requests-per-peer')).toBe(codes.filter(code => code !== Code.changed).length)
  })
})
