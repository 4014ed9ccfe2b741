import { once } from 'node:events'
import { connect } from 'node:net'
import {
  blockOption,
  type CoapBody,
  Code,
  findOption,
  OptionNumber,
  Signal,
  SignalOption,
  uintOption,
} from '@thingmesh/core/coap'
import { describe, expect, it, onTestFinished } from 'vitest'
import type { CoapOverWebSocketOptions } from '../../../src/listeners/coap/index.ts'
import { textOf as messageText, take } from '../../support/hub.ts'
import { observe, same } from './peer.ts'
import { textOf, uintOf } from './reliable-peer.ts'
import { startOver, tcp, transports, webSocket } from './reliable-site.ts'

const none = new Uint8Array(0)
const token = Uint8Array.of(0xab)

describe.each(transports)('CoAP over %s', (_name, transport) => {
  const start = (options?: CoapOverWebSocketOptions) => startOver(transport, options)

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

  it('gives no more in one message than the peer said it takes: the rest is in blocks', async () => {
    const { open, writer } = await start()
    const peer = await open()
    peer.send({ code: Signal.csm, options: [uintOption(SignalOption.maxMessageSize, 200)] })
    const text = 'x'.repeat(100) + 'y'.repeat(50)
    await writer.publish('telemetry/a', text, { retain: true })
    const blockAt = async (number: number, sizeExponent: number) => {
      const options = [blockOption(OptionNumber.block2, { number, more: false, sizeExponent })]
      return textOf(await peer.ask({ options }))
    }
    const first = await peer.ask({})
    expect([textOf(first), uintOf(first, OptionNumber.block2)]).toEqual([text.slice(0, 64), 0x0a])
    expect([await blockAt(1, 2), await blockAt(2, 2)]).toEqual([text.slice(64, 128), text.slice(128)])
    // Larger blocks than fit are cut into smaller ones, from the same byte.
    expect(await blockAt(1, 3)).toBe(text.slice(128))
    await peer.ask({ token, options: [observe(0)] })
    await writer.publish('telemetry/a', text)
    const notification = await peer.notification(token)
    expect([textOf(notification), uintOf(notification, OptionNumber.block2)]).toEqual([text.slice(0, 64), 0x0a])
    expect(uintOf(notification, OptionNumber.observe)).toBe(2)
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
    expect(counter('coap_observers')).toBe(1)
    peer.carrier.destroy()
    await expect.poll(() => counter('coap_observers')).toBe(0)
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
    await expect.poll(() => counter('coap_connections')).toBe(0)
  })
})

describe.each(transports)('a connection over %s ends', (_name, transport) => {
  const start = (options?: CoapOverWebSocketOptions) => startOver(transport, options)

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

  it('where another signal has an option that is critical', async () => {
    const { peer: connected } = await start()
    const peer = await connected()
    peer.send({ code: Signal.ping, options: [{ number: 9, value: none }] })
    const abort = await peer.take(({ code }) => code === Signal.abort)
    expect(textOf(abort)).toBe('signal 7.02 has option 9, which is critical and not supported')
    expect(abort.options).toEqual([])
    await peer.closed
  })

  it('where the peer releases it, with answers to what it asked before', async () => {
    const { peer: connected, counter } = await start()
    const peer = await connected()
    const sent = peer.tell({ code: Code.post, payload: 'last' })
    peer.send({ code: Signal.release })
    expect((await peer.take(message => same(message.token, sent))).code).toBe(Code.changed)
    await peer.closed
    await expect.poll(() => counter('coap_connections')).toBe(0)
  })

  it('where nothing is said in time', async () => {
    const { open, counter } = await start({ settingsTimeoutMs: 100 })
    const peer = await open()
    await peer.closed
    expect(counter('coap_refused_total', 'settings-timeout')).toBe(1)
  })

  it('where there are too many, in all or from one address', async () => {
    const all = await start({ connectionsMax: 1 })
    await all.peer()
    await (await all.open()).closed
    expect(all.counter('coap_refused_total', 'connections')).toBe(1)
    const one = await start({ connectionsPerAddressMax: 1 })
    await one.peer()
    await (await one.open()).closed
    expect(one.counter('coap_refused_total', 'connections-per-address')).toBe(1)
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

describe('over TCP', () => {
  it('a connection ends where it sends what is malformed, or too large, from its first bytes', async () => {
    const { peer: connected, counter } = await startOver(tcp)
    const malformed = await connected()
    malformed.carrier.write(Uint8Array.of(0x09))
    await malformed.take(({ code }) => code === Signal.abort)
    const large = await connected()
    large.carrier.write(Uint8Array.of(0xf0, 0xff, 0xff, 0xff, 0xff))
    expect(textOf(await large.take(({ code }) => code === Signal.abort))).toContain('the limit is 1152')
    await Promise.all([malformed.closed, large.closed])
    expect([counter('coap_refused_total', 'malformed'), counter('coap_refused_total', 'datagram-bytes')]).toEqual([
      1, 1,
    ])
  })
})

describe('over WebSocket', () => {
  it.each<readonly [string, Uint8Array]>([
    ['nothing', Uint8Array.of()],
    ['half a header', Uint8Array.of(0)],
    ['a length that is not 0', Uint8Array.of(0x10, Code.get, 0xff)],
    ['a token that is too long', Uint8Array.of(0x09, Code.get, 1, 2, 3, 4, 5, 6, 7, 8, 9)],
    ['a token that is not all there', Uint8Array.of(0x04, Code.get, 1, 2)],
    ['an option beyond the end', Uint8Array.of(0x00, Code.get, 0xb5, 1)],
    ['a payload of nothing', Uint8Array.of(0x00, Code.get, 0xff)],
  ])('a message of %s ends the connection, with an abort that says why', async (_name, bytes) => {
    const { peer: connected, counter } = await startOver(webSocket)
    const peer = await connected()
    peer.carrier.write(bytes)
    expect(textOf(await peer.take(({ code }) => code === Signal.abort))).not.toBe('')
    expect(await peer.closed).toBe(1002)
    expect(counter('coap_refused_total', 'malformed')).toBe(1)
    await expect.poll(() => counter('coap_connections')).toBe(0)
  })

  it('text, and more than a message may be, end the connection', async () => {
    const { peer: connected, counter } = await startOver(webSocket)
    const [talker, large, early] = [await connected(), await connected(), await connected()]
    talker.webSocket.send('text')
    expect(await talker.closed).toBe(1003)
    large.carrier.write(new Uint8Array(1_153))
    expect(await large.closed).toBe(1009)
    expect(['text', 'message-bytes'].map(limit => counter('websocket_refused_total', limit))).toEqual([1, 1])
    expect((await early.ask({})).code).toBe(Code.notFound)
  })

  it('a peer that sends much before its settings is cut', async () => {
    const { open, counter } = await startOver(webSocket)
    const { webSocket: socket, closed } = await open()
    // Pieces of one message that never ends.
    for (let i = 0; i < 300; i++) socket.send(new Uint8Array(0), { fin: false })
    for (let i = 0; i < 300 && socket.readyState === socket.OPEN; i++) socket.ping(new Uint8Array(100))
    await closed
    expect(counter('websocket_refused_total', 'unproven-bytes')).toBe(1)
  })

  it('is found where the standard has it, by its subprotocol, from origins that are let in', async () => {
    const { port, counter } = await startOver(webSocket)
    const status = async (path: string, headers: Record<string, string>) => {
      const socket = connect(port, '127.0.0.1')
      onTestFinished(() => void socket.destroy())
      const lines = Object.entries(headers).map(([name, value]) => `${name}: ${value}\r\n`)
      const upgrade = 'Connection: Upgrade\r\nUpgrade: websocket\r\nSec-WebSocket-Version: 13\r\n'
      const nonce = 'Sec-WebSocket-Key: AAAAAAAAAAAAAAAAAAAAAA==\r\n'
      socket.write(`GET ${path} HTTP/1.1\r\nHost: hub\r\n${upgrade}${nonce}${lines.join('')}\r\n`)
      const [head] = (await once(socket, 'data')) as [Buffer]
      return Number(head.toString('latin1').slice(9, 12))
    }
    const coap = { 'Sec-WebSocket-Protocol': 'coap' }
    expect(await status('/.well-known/coap', coap)).toBe(101)
    expect(await status('/.well-known/coap/', coap)).toBe(404)
    expect(await status('/.well-known/coap', {})).toBe(400)
    expect(await status('/.well-known/coap', { 'Sec-WebSocket-Protocol': 'mqtt' })).toBe(400)
    expect(await status('/.well-known/coap', { ...coap, Origin: 'https://evil.example' })).toBe(403)
    expect(['path', 'subprotocol', 'origin'].map(limit => counter('websocket_refused_total', limit))).toEqual([1, 2, 1])
  })
})

describe.each(transports)('a peer over %s that does not read', (_name, transport) => {
  const start = (options?: CoapOverWebSocketOptions) => startOver(transport, options)

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
    frozen.carrier.pause()
    // Answers of a kilobyte each, until neither system takes more.
    for (let i = 0; i < 20_000 && counter('coap_connections') > 0; i++) {
      frozen.tell({})
      if (i % 50 === 0) await new Promise(resolve => setImmediate(resolve))
    }
    await expect.poll(() => counter('coap_connections'), { timeout: 20_000 }).toBe(0)
    expect(counter('coap_refused_total', 'drain-timeout')).toBe(1)
    expect(counter('coap_observers')).toBe(0)
  })

  it('and asks on has no more requests under way than it may', async () => {
    const { peer: connected, counter } = await start({ requestsPerPeerMax: 4 })
    const peer = await connected()
    const frames = Array.from({ length: 20 }, (_, i) => peer.tell({ code: Code.post, token: Uint8Array.of(i) }))
    const codes = []
    for (const sent of frames) codes.push((await peer.take(message => same(message.token, sent))).code)
    expect(new Set(codes)).toEqual(new Set([Code.changed, Code.serviceUnavailable]))
    expect(counter('coap_refused_total', 'requests-per-peer')).toBe(codes.filter(code => code !== Code.changed).length)
  })
})
