import {
  type CoapMessage,
  type CoapOption,
  Code,
  codeText,
  decodeMessage,
  encodeEmpty,
  encodeMessage,
  findOption,
  OptionNumber,
  stringOption,
  uintOption,
} from '@thingmesh/core/coap'
import { describe, expect, it, vi } from 'vitest'
import { coapCounters } from '../../../src/listeners/coap/counters.ts'
import { EchoValues } from '../../../src/listeners/coap/echo.ts'
import { CoapEngine } from '../../../src/listeners/coap/engine.ts'
import { type CoapLimits, defaultCoapLimits } from '../../../src/listeners/coap/options.ts'
import type { Remote } from '../../../src/listeners/coap/remote.ts'
import { emptyResponse, type Request, type Response, textResponse } from '../../../src/listeners/coap/response.ts'
import { createMeter } from '../../../src/pipeline/meter.ts'

/*
 * The message layer by itself: datagrams, time and answers are the test's.
 */

const address = '192.0.2.1'
const port = 5683
const none = new Uint8Array(0)

function startEngine(limits: Partial<CoapLimits> = {}) {
  const meter = createMeter()
  const sent: { message: CoapMessage; port: number; bytes: Uint8Array }[] = []
  const requests: { request: Request; remote: Remote; respond: (response: Response | undefined) => void }[] = []
  const forgotten: string[] = []
  let nowMs = 1_000_000
  const echo = new EchoValues(120_000, () => nowMs)
  const engine = new CoapEngine({
    limits: { ...defaultCoapLimits, addressProof: 'none', ...limits },
    counters: coapCounters(meter),
    wire: { send: (bytes, _to, toPort) => sent.push({ message: decodeMessage(bytes), port: toPort, bytes }) },
    echo,
    answer: (request, remote) => new Promise(respond => requests.push({ request, remote, respond })),
    allocate: bytes => new Uint8Array(bytes),
    onForgotten: remote => forgotten.push(remote.key),
    nowMs: () => nowMs,
    random: () => 0,
  })
  return {
    engine,
    sent,
    requests,
    forgotten,
    echo,
    /** Time passes, as often as a listener looks. */
    pass(ms: number): void {
      for (let left = ms; left > 0; left -= 50) {
        nowMs += Math.min(50, left)
        engine.tick(() => false)
      }
    },
    receive: (message: CoapMessage, from = port) => engine.receive(encodeMessage(message), address, from),
    raw: (bytes: Uint8Array, from = port) => engine.receive(bytes, address, from),
    /** What was sent since the last time. */
    take: () => sent.splice(0).map(({ message }) => message),
    async respond(response: Response | 'nothing' = emptyResponse(Code.changed)): Promise<void> {
      requests.shift()!.respond(response === 'nothing' ? undefined : response)
      await Promise.resolve()
      await Promise.resolve()
    },
    counter(name: string, label?: string): number {
      const samples = meter.collect().find(one => one.name === `thingmesh_coap_${name}`)?.samples ?? []
      return samples
        .filter(({ labels }) => label === undefined || Object.values(labels).includes(label))
        .reduce((sum, { value }) => sum + value, 0)
    },
  }
}

function request(change: Partial<CoapMessage> = {}): CoapMessage {
  const options = [stringOption(OptionNumber.uriPath, 'c')]
  return {
    type: 'confirmable',
    code: Code.post,
    messageId: 7,
    token: Uint8Array.of(1),
    options,
    payload: none,
    ...change,
  }
}

describe('a confirmable request', () => {
  it('is answered with its acknowledgement, where the answer is there in time', async () => {
    const { receive, respond, take, pass } = startEngine()
    receive(request())
    pass(150)
    expect(take()).toEqual([])
    await respond(textResponse(Code.content, 'x'))
    expect(take()).toMatchObject([
      {
        type: 'acknowledgement',
        code: Code.content,
        messageId: 7,
        token: Uint8Array.of(1),
        payload: Uint8Array.of(120),
      },
    ])
    pass(300_000)
    expect(take()).toEqual([])
  })

  it('is acknowledged where it takes longer, and answered apart, until that is acknowledged', async () => {
    const { receive, respond, take, pass, engine } = startEngine()
    receive(request())
    pass(200)
    expect(take()).toEqual([
      { type: 'acknowledgement', code: 0, messageId: 7, token: none, options: [], payload: none },
    ])
    await respond()
    const [response] = take()
    expect(response).toMatchObject({ type: 'confirmable', code: Code.changed, token: Uint8Array.of(1) })
    expect(engine.requestCount).toBe(1)
    pass(2_000)
    expect(take()).toEqual([response])
    receive({
      ...request(),
      type: 'acknowledgement',
      code: 0,
      token: none,
      options: [],
      messageId: response!.messageId,
    })
    expect(engine.requestCount).toBe(0)
    pass(120_000)
    expect(take()).toEqual([])
  })

  it('that comes again is acted on once, and answered as it was', async () => {
    const { receive, respond, take, requests, counter } = startEngine()
    receive(request())
    receive(request())
    expect(requests.length).toBe(1)
    await respond()
    const first = take()
    receive(request())
    expect(take()).toEqual(first)
    expect(requests.length).toBe(0)
    expect(counter('duplicates_total')).toBe(2)
  })

  it('that comes again after its acknowledgement alone has that again', async () => {
    const { receive, take, pass, requests } = startEngine()
    receive(request())
    pass(250)
    receive(request())
    expect(take().map(({ code }) => code)).toEqual([Code.empty, Code.empty])
    expect(requests.length).toBe(1)
  })

  it('is another one under the same id from another port, with another token, or after its lifetime', async () => {
    const { receive, respond, requests, pass } = startEngine()
    receive(request())
    receive(request(), port + 1)
    expect(requests.length).toBe(2)
    receive(request({ token: Uint8Array.of(2) }))
    expect(requests.length).toBe(3)
    for (let i = 0; i < 3; i++) await respond()
    pass(246_000)
    receive(request({ token: Uint8Array.of(2) }))
    expect(requests.length).toBe(0)
    pass(2_000)
    receive(request({ token: Uint8Array.of(2) }))
    expect(requests.length).toBe(1)
  })

  it('that is safe is answered anew: nothing is kept of it', async () => {
    const { receive, respond, requests, engine } = startEngine()
    receive(request({ code: Code.get }))
    receive(request({ code: Code.get }))
    expect(requests.length).toBe(1)
    await respond(textResponse(Code.content, 'x'))
    expect(engine.exchangeCount).toBe(0)
    receive(request({ code: Code.get }))
    expect(requests.length).toBe(1)
  })
})

describe('a request that is not confirmable', () => {
  it('is answered by a message of its own that is not confirmable either, once', async () => {
    const { receive, respond, take, pass, requests } = startEngine()
    receive(request({ type: 'non-confirmable' }))
    receive(request({ type: 'non-confirmable' }))
    expect(requests.length).toBe(1)
    await respond()
    expect(take()).toMatchObject([{ type: 'non-confirmable', code: Code.changed, token: Uint8Array.of(1) }])
    receive(request({ type: 'non-confirmable' }))
    pass(120_000)
    expect(take()).toEqual([])
  })

  it('is not answered where there is nothing to say', async () => {
    const { receive, respond, take, engine } = startEngine()
    receive(request({ type: 'non-confirmable' }))
    await respond('nothing')
    expect(take()).toEqual([])
    expect(engine.requestCount).toBe(0)
  })
})

describe('No-Response', () => {
  const noResponse = (value: number): readonly CoapOption[] => [uintOption(OptionNumber.noResponse, value)]

  it.each([
    [2, Code.changed, false],
    [2, Code.notFound, true],
    [8, Code.notFound, false],
    [16, Code.serviceUnavailable, false],
    [26, Code.content, false],
    [0, Code.changed, true],
  ])('%i and a %i: answered %s', async (value, code, answered) => {
    const { receive, respond, take } = startEngine()
    receive(request({ type: 'non-confirmable', options: noResponse(value) }))
    await respond(emptyResponse(code))
    expect(take().length).toBe(answered ? 1 : 0)
  })

  it('does not keep a confirmable request from being acknowledged', async () => {
    const { receive, respond, take } = startEngine()
    receive(request({ options: noResponse(26) }))
    await respond()
    const acknowledged = take()
    expect(acknowledged).toMatchObject([{ type: 'acknowledgement', code: Code.empty, messageId: 7 }])
    receive(request({ options: noResponse(26) }))
    expect(take()).toEqual(acknowledged)
  })
})

describe('what is to be acknowledged', () => {
  it('is sent again four times, each time after twice as long, and then given up', async () => {
    const { receive, take, pass, requests, counter } = startEngine()
    receive(request({ code: Code.get }))
    const outcomes: string[] = []
    requests[0]!.remote.notify(Uint8Array.of(9), emptyResponse(Code.content), true, outcome => outcomes.push(outcome))
    expect(take().length).toBe(1)
    pass(200)
    take()
    const gaps = [1_800, 4_000, 8_000, 16_000]
    for (const gap of gaps) {
      pass(gap - 50)
      expect(take()).toEqual([])
      pass(50)
      expect(take().length).toBe(1)
    }
    expect(counter('retransmissions_total')).toBe(4)
    pass(31_950)
    expect(outcomes).toEqual([])
    pass(50)
    expect(outcomes).toEqual(['timeout'])
    expect(take()).toEqual([])
  })

  it('is spread by a random factor', async () => {
    const { receive, requests, take, pass } = startEngine({ ackRandomFactor: 1.5 })
    receive(request({ code: Code.get }))
    requests[0]!.remote.ping()
    take()
    pass(200)
    take()
    // The random number is 0 here: the shortest of all waits.
    pass(1_800)
    expect(take().length).toBe(1)
  })

  it.each(['acknowledgement', 'reset'] as const)('ends with its %s', type => {
    const { receive, requests, take, raw, pass } = startEngine()
    receive(request({ code: Code.get }))
    const outcomes: string[] = []
    requests[0]!.remote.notify(Uint8Array.of(9), emptyResponse(Code.content), true, outcome => outcomes.push(outcome))
    const { messageId } = take()[0]!
    raw(encodeEmpty(type, messageId), port + 1)
    raw(encodeEmpty(type, messageId + 1))
    expect(outcomes).toEqual([])
    raw(encodeEmpty(type, messageId))
    raw(encodeEmpty(type, messageId))
    expect(outcomes).toEqual([type === 'reset' ? 'reset' : 'acknowledged'])
    pass(199)
    expect(take()).toEqual([])
  })

  it('is not what is not confirmable; of that only a reset is told', () => {
    const { receive, requests, take, raw } = startEngine()
    receive(request({ code: Code.get }))
    const outcomes: string[] = []
    requests[0]!.remote.notify(Uint8Array.of(9), emptyResponse(Code.content), false, outcome => outcomes.push(outcome))
    const { messageId } = take()[0]!
    raw(encodeEmpty('acknowledgement', messageId))
    expect(outcomes).toEqual([])
    raw(encodeEmpty('reset', messageId))
    raw(encodeEmpty('reset', messageId))
    expect(outcomes).toEqual(['reset'])
  })
})

describe('what is no request', () => {
  it('a ping is answered with a reset', () => {
    const { raw, take } = startEngine()
    raw(encodeEmpty('confirmable', 99))
    expect(take()).toEqual([{ type: 'reset', code: 0, messageId: 99, token: none, options: [], payload: none }])
  })

  it('a response that nobody asked for is reset where it is confirmable, and dropped where it is not', () => {
    const { receive, take, requests } = startEngine()
    receive(request({ code: Code.content }))
    receive(request({ code: Code.content, type: 'non-confirmable' }))
    expect(take()).toMatchObject([{ type: 'reset', messageId: 7 }])
    expect(requests).toEqual([])
  })

  it('an acknowledgement or a reset that carries a request is dropped', () => {
    const { receive, take, requests } = startEngine()
    receive(request({ type: 'acknowledgement' }))
    receive(request({ type: 'reset' }))
    expect(take()).toEqual([])
    expect(requests).toEqual([])
  })

  it('an empty message that is not confirmable is dropped', () => {
    const { raw, take } = startEngine()
    raw(encodeEmpty('non-confirmable', 1))
    expect(take()).toEqual([])
  })

  it('what is malformed is reset where it is confirmable, and dropped where it is not, or is no CoAP', () => {
    const { raw, take, counter } = startEngine()
    raw(Uint8Array.of(0x40, 1, 0, 5, 0xf0))
    raw(Uint8Array.of(0x50, 1, 0, 6, 0xf0))
    raw(Uint8Array.of(0x60, 1, 0, 7, 0xf0))
    raw(Uint8Array.of(0x70, 1, 0, 8, 0xf0))
    raw(Uint8Array.of(0x49, 1, 0, 9))
    raw(Uint8Array.of(0x80, 1, 0, 10))
    raw(Uint8Array.of(0x40, 1))
    raw(none)
    expect(take()).toMatchObject([
      { type: 'reset', messageId: 5 },
      { type: 'reset', messageId: 9 },
    ])
    expect(counter('refused_total', 'malformed')).toBe(8)
  })
})

describe('limits', () => {
  it('a datagram that is too large is answered with 4.13 from its header, and not read', () => {
    const { receive, take, requests, counter } = startEngine({ datagramBytesMax: 100 })
    receive(request({ payload: new Uint8Array(100) }))
    receive(request({ payload: new Uint8Array(100), type: 'non-confirmable' }))
    const [refusal, ...rest] = take()
    expect(refusal).toMatchObject({
      type: 'acknowledgement',
      code: Code.requestEntityTooLarge,
      token: Uint8Array.of(1),
    })
    expect(rest).toEqual([])
    expect(requests).toEqual([])
    expect(counter('refused_total', 'datagram-bytes')).toBe(2)
  })

  it('and with a hint at blocks that leave room for a long path and a key', () => {
    const { receive, take } = startEngine()
    receive(request({ payload: new Uint8Array(1_152) }))
    const [refusal] = take()
    expect(refusal!.options.map(({ number, value }) => [number, ...value])).toEqual([[OptionNumber.block1, 5]])
    expect(new TextDecoder().decode(refusal!.payload)).toMatch(
      /^datagram of 11\d\d bytes, the limit is 1152: send the body in blocks of 512 bytes$/,
    )
  })

  it('requests of one peer that are not answered are bounded, and so are those of all', async () => {
    const { receive, take, requests, respond, counter } = startEngine({ requestsPerPeerMax: 2, requestsMax: 3 })
    for (let messageId = 1; messageId <= 3; messageId++) receive(request({ messageId }))
    expect(requests.length).toBe(2)
    expect(take()).toMatchObject([{ code: Code.serviceUnavailable, messageId: 3 }])
    receive(request(), port + 1)
    receive(request(), port + 2)
    expect(requests.length).toBe(3)
    expect(counter('refused_total', 'requests-per-peer')).toBe(1)
    expect(counter('refused_total', 'requests')).toBe(1)
    await respond()
    receive(request({ messageId: 3 }))
    expect(requests.length).toBe(3)
  })

  it('a peer that does not acknowledge answers has no more of them than that', async () => {
    const { receive, take, requests, respond, pass } = startEngine({ requestsPerPeerMax: 1 })
    receive(request({ messageId: 1 }))
    pass(250)
    await respond()
    take()
    receive(request({ messageId: 2 }))
    expect(requests.length).toBe(0)
    pass(70_000)
    take()
    receive(request({ messageId: 3 }))
    expect(requests.length).toBe(1)
  })

  it('what is remembered is bounded by peer and in all: the oldest goes', async () => {
    const { receive, respond, engine, counter, requests } = startEngine({ exchangesPerPeerMax: 2, exchangesMax: 3 })
    for (let messageId = 1; messageId <= 3; messageId++) {
      receive(request({ messageId }))
      await respond()
    }
    expect(engine.exchangeCount).toBe(2)
    receive(request({ messageId: 3 }))
    expect(requests.length).toBe(0)
    receive(request({ messageId: 1 }))
    expect(requests.length).toBe(1)
    receive(request(), port + 1)
    receive(request(), port + 2)
    expect(engine.exchangeCount).toBe(3)
    expect(counter('forgotten_total', 'exchanges-per-peer')).toBe(2)
    expect(counter('forgotten_total', 'exchanges')).toBe(1)
  })

  it('peers are bounded: the one that was quiet longest is forgotten, with all that it had', () => {
    const { receive, engine, forgotten, counter, pass } = startEngine({ peersMax: 2 })
    receive(request(), 1)
    receive(request(), 2)
    pass(1_000)
    receive(request({ messageId: 8 }), 1)
    receive(request(), 3)
    expect(forgotten).toEqual([`${address} 2`])
    expect(engine.peerCount).toBe(2)
    expect(engine.exchangeCount).toBe(3)
    expect(counter('forgotten_total', 'peers')).toBe(1)
    receive(request(), 2)
    expect(forgotten).toEqual([`${address} 2`, `${address} 1`])
    expect(engine.peerCount).toBe(2)
  })

  it('peers are told apart, whether their addresses differ or their ports', () => {
    const { engine, requests } = startEngine()
    const peers = [
      ['192.0.2.1', 5],
      ['192.0.2.1', 5 + 1_024],
      ['192.0.2.2', 5 + 1_024],
    ] as const
    const heard = () => {
      for (const [from, fromPort] of peers) engine.receive(encodeMessage(request()), from, fromPort)
      return requests.splice(0).map(({ remote }) => remote.key)
    }
    expect(heard()).toEqual(['192.0.2.1 5', '192.0.2.1 1029', '192.0.2.2 1029'])
    // All that they say now was said before.
    expect(heard()).toEqual([])
  })

  it('nothing is left of peers that are quiet', async () => {
    const { receive, respond, engine, pass } = startEngine()
    receive(request())
    await respond()
    pass(601_000)
    expect([engine.peerCount, engine.exchangeCount, engine.requestCount]).toEqual([0, 0, 0])
  })
})

describe('an address that is not proved', () => {
  const big = () => textResponse(Code.content, 'x'.repeat(1_000))
  const options = ['c', 'telemetry'].map(segment => stringOption(OptionNumber.uriPath, segment))
  const get = (change: Partial<CoapMessage> = {}) => request({ code: Code.get, options, ...change })

  it('is sent at most three times what came from it, and an Echo in place of more', async () => {
    const { receive, respond, take, sent, counter, pass } = startEngine({ addressProof: 'echo' })
    receive(get())
    const onSent = vi.fn()
    await respond({ ...big(), onSent })
    const bytesSent = () => sent.reduce((sum, one) => sum + one.bytes.length, 0)
    // With the ping and all its repetitions.
    pass(70_000)
    expect(onSent).not.toHaveBeenCalled()
    const bytes = bytesSent()
    const [ping, challenge] = take()
    expect(challenge).toMatchObject({ type: 'acknowledgement', code: Code.unauthorized })
    expect(findOption(challenge!.options, OptionNumber.echo)!.length).toBe(12)
    expect(ping).toMatchObject({ type: 'confirmable', code: Code.empty })
    expect(bytes).toBeLessThanOrEqual(3 * encodeMessage(get()).length)
    expect(counter('refused_total', 'address-proof')).toBe(1)
  })

  it('is told what withheld the answer', async () => {
    const { receive, respond } = startEngine({ addressProof: 'echo' })
    const onRefused = vi.fn()
    receive(get())
    await respond({ ...big(), onRefused })
    expect(onRefused).toHaveBeenCalledOnce()
  })

  it('is proved by who sends the Echo back from there, and by nobody else', async () => {
    const { receive, respond, take, requests, echo } = startEngine({ addressProof: 'echo' })
    receive(get())
    const { remote } = requests[0]!
    const value = echo.option(remote).value
    expect(echo.isValid(value, { ...remote, key: `${address} 9` } as Remote)).toBe(false)
    expect(
      echo.isValid(
        value.map(byte => byte ^ 1),
        remote,
      ),
    ).toBe(false)
    expect(echo.isValid(value.subarray(1), remote)).toBe(false)
    expect(echo.isValid(value, remote)).toBe(true)
    remote.prove()
    await respond(big())
    expect(take()).toMatchObject([{ code: Code.content }])
  })

  it('is not proved by an old Echo', () => {
    const { receive, requests, echo, pass } = startEngine({ addressProof: 'echo' })
    receive(get())
    const { remote } = requests[0]!
    const { value } = echo.option(remote)
    pass(119_000)
    expect(echo.isValid(value, remote)).toBe(true)
    pass(3_000)
    expect(echo.isValid(value, remote)).toBe(false)
  })

  it.each(['acknowledgement', 'reset'] as const)('is proved by the %s of a ping, for a while', async type => {
    const { receive, respond, take, raw, pass, requests } = startEngine({ addressProof: 'echo' })
    receive(get())
    await respond(big())
    const ping = take().find(({ code }) => code === Code.empty)!
    raw(encodeEmpty(type, ping.messageId))
    receive(get())
    expect(requests[0]!.remote.isProved).toBe(true)
    await respond(big())
    expect(take()).toMatchObject([{ code: Code.content }])
    pass(300_000)
    receive(get())
    pass(301_000)
    receive(get({ messageId: 8 }))
    expect(requests.at(-1)!.remote.isProved).toBe(false)
  })

  it('is not proved by who guesses at the id of the ping', async () => {
    const { receive, respond, take, raw, requests } = startEngine({ addressProof: 'echo' })
    receive(get())
    await respond(big())
    const ping = take().find(({ code }) => code === Code.empty)!
    for (let guess = 1; guess <= 9; guess++) raw(encodeEmpty('reset', ping.messageId + guess))
    raw(encodeEmpty('reset', ping.messageId))
    receive(get())
    expect(requests[0]!.remote.isProved).toBe(false)
  })

  it('is sent no more either where an answer comes apart and is sent again', async () => {
    const { receive, respond, sent, pass } = startEngine({ addressProof: 'echo' })
    const auth = stringOption(OptionNumber.uriQuery, `auth=${'k'.repeat(48)}`)
    const asked = get({ options: [...options, auth] })
    const requestBytes = encodeMessage(asked).length
    for (const payload of ['x'.repeat(50), 'x'.repeat(1_000)]) {
      sent.splice(0)
      receive(asked)
      pass(250)
      await respond(textResponse(Code.content, payload))
      pass(120_000)
      expect(sent.reduce((sum, { bytes }) => sum + bytes.length, 0)).toBeLessThanOrEqual(3 * requestBytes)
      pass(300_000)
    }
  })

  it('is told errors, with their text where all of it fits', async () => {
    const { receive, respond, take, sent } = startEngine({ addressProof: 'echo' })
    receive(get({ messageId: 1 }))
    await respond(textResponse(Code.notFound, ''))
    const withoutText = sent[0]!.bytes.length
    take()
    // Three times the request, less what a ping and its repetitions may take; and a byte marks where the text begins.
    const room = 3 * encodeMessage(get()).length - 20 - withoutText - 1
    for (const [messageId, length] of [
      [2, room],
      [3, room + 1],
    ] as const) {
      receive(get({ messageId }))
      await respond(textResponse(Code.notFound, 'n'.repeat(length)))
      const [told] = take()
      expect([codeText(told!.code), told!.payload.length]).toEqual(['4.04', length === room ? room : 0])
    }
  })
})
