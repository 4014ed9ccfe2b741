import { blockOption, type CoapMessage, Code, OptionNumber, uintOption } from '@thingmesh/core/coap'
import { describe, expect, it } from 'vitest'
import { textOf as messageText, take } from '../../support/hub.ts'
import { type Site, startSite } from './fixture.ts'
import { eTagOf, type TestPeer, textOf, uintOf } from './peer.ts'

const path = '/c/telemetry/firmware'
const { block1, block2, size1, size2, contentFormat, requestTag } = OptionNumber

/** Text that is nowhere the same, so that a block out of its place shows. */
const longText = (length: number) =>
  Array.from({ length: Math.ceil(length / 8) }, (_, i) => `${i} `.padStart(8, '.')).join('')

/** The block of the text, as a POST or a PUT. */
function part(text: string, number: number, sizeExponent = 6, change: Partial<{ more: boolean; tag: string }> = {}) {
  const size = 16 << sizeExponent
  const more = change.more ?? (number + 1) * size < text.length
  const tag = change.tag === undefined ? [] : [{ number: requestTag, value: new TextEncoder().encode(change.tag) }]
  const options = [blockOption(block1, { number, more, sizeExponent }), ...tag]
  return { code: Code.post, path, payload: text.slice(number * size, (number + 1) * size), options }
}

async function upload(peer: TestPeer, text: string, sizeExponent = 6): Promise<CoapMessage> {
  for (let number = 0; ; number++) {
    const response = await peer.ask(part(text, number, sizeExponent))
    if (response.code !== Code.continue) return response
  }
}

interface Downloaded {
  readonly text: string
  readonly first: CoapMessage
  readonly tags: number
}

async function download(peer: TestPeer, sizeExponent: number, from = 0): Promise<Downloaded> {
  let text = ''
  let first: CoapMessage | undefined
  const tags = new Set<string>()
  for (let number = from; ; number++) {
    const options = [blockOption(block2, { number, more: false, sizeExponent })]
    const response = await peer.ask({ path, options })
    first ??= response
    text += textOf(response)
    tags.add(Buffer.from(eTagOf(response)!).toString('hex'))
    if ((uintOf(response, block2)! & 8) === 0) return { text, first, tags: tags.size }
  }
}

async function startWith(
  listener: Parameters<typeof startSite>[0] = {},
): Promise<{ site: Site; peer: TestPeer; text: string }> {
  const site = await startSite(listener)
  const sensor = await site.thing('sensor')
  return { site, peer: await site.peer(sensor), text: longText(5_000) }
}

describe('a body that comes in blocks', () => {
  it.each([0, 2, 6])('of size exponent %i is one message', async sizeExponent => {
    const site = await startSite()
    const sensor = await site.thing('sensor')
    const witness = await site.witness(sensor)
    const text = longText(2_500)
    const response = await upload(await site.peer(sensor), text, sizeExponent)
    expect(response.code).toBe(Code.changed)
    expect(uintOf(response, block1)! & 15).toBe(sizeExponent)
    const [message] = await take(witness, 1)
    expect(messageText(message!)).toBe(text)
    expect(site.counter('coap_transfers')).toBe(0)
  })

  it('is asked for block by block: 2.31, with the block that came', async () => {
    const { peer, text } = await startWith()
    const response = await peer.ask(part(text, 0))
    expect([response.code, uintOf(response, block1)]).toEqual([Code.continue, 0x0e])
  })

  it('may go on in smaller blocks, from the same byte', async () => {
    const { peer, text, site } = await startWith()
    const witness = await site.witness(await site.thing('witness'))
    await peer.ask(part(text, 0, 6))
    for (let number = 4; number * 256 < text.length; number++) await peer.ask(part(text, number, 4))
    expect(messageText((await take(witness, 1))[0]!)).toBe(text)
  })

  it('takes a block that came already for what it is', async () => {
    const { peer, text, site } = await startWith()
    const witness = await site.witness(await site.thing('witness'))
    for (const number of [0, 1, 1, 0, 1, 2, 3]) {
      // The first block begins anew.
      const response = await peer.ask(part(text, number))
      expect(response.code).toBe(Code.continue)
    }
    expect((await peer.ask(part(text, 4))).code).toBe(Code.changed)
    expect(messageText((await take(witness, 1))[0]!)).toBe(text)
  })

  it.each<readonly [string, (peer: TestPeer, text: string) => Promise<unknown>, Parameters<typeof part>]>([
    ['without a beginning', async () => undefined, ['', 1]],
    ['with a gap', (peer, text) => peer.ask(part(text, 0)), ['', 2]],
    ['under another tag', (peer, text) => peer.ask(part(text, 0, 6, { tag: 'a' })), ['', 1, 6, { tag: 'b' }]],
    ['after its end', (peer, text) => upload(peer, text), ['', 1]],
  ])('%s: 4.08', async (_name, before, [, ...rest]) => {
    const { peer, text } = await startWith()
    await before(peer, text)
    expect(await peer.codeOf(part(text, ...rest))).toBe('4.08')
  })

  it('in another format half-way: 4.08', async () => {
    const { peer, text } = await startWith()
    await peer.ask(part(text, 0))
    const other = part(text, 1)
    expect(await peer.codeOf({ ...other, options: [...other.options, uintOption(contentFormat, 50)] })).toBe('4.08')
  })

  it('with a block that is not full, or too full, or of size 7: 4.00', async () => {
    const { peer } = await startWith()
    const [short, long] = [part('x'.repeat(100), 0, 6, { more: true }), part('x'.repeat(100), 0, 0, { more: false })]
    expect(await peer.codeOf(short)).toBe('4.00')
    expect(await peer.codeOf({ ...long, payload: 'x'.repeat(17) })).toBe('4.00')
    const reserved = [{ number: block1, value: Uint8Array.of(0x0f) }]
    expect(await peer.codeOf({ ...short, options: reserved })).toBe('4.00')
  })

  it('and is too large: 4.13 with how much there may be, from the size that it tells, or from where it is too much', async () => {
    const { peer, site } = await startWith({ listener: { bodyBytesMax: 2_048 } })
    const text = longText(2_600)
    const told = await peer.ask({ ...part(text, 0), options: [...part(text, 0).options, uintOption(size1, 2_600)] })
    expect([told.code, uintOf(told, size1)]).toEqual([Code.requestEntityTooLarge, 2_048])
    const late = await upload(peer, text)
    expect([late.code, uintOf(late, size1)]).toEqual([Code.requestEntityTooLarge, 2_048])
    expect(site.counter('coap_transfers')).toBe(0)
    expect(site.counter('coap_refused_total', { limit: 'body-bytes' })).toBe(2)
    expect((await upload(peer, longText(2_048))).code).toBe(Code.changed)
  })

  it('is one for each peer and resource: a new beginning ends the old one', async () => {
    const { peer, text, site } = await startWith()
    for (let i = 0; i < 20; i++) await peer.ask(part(text, 0, 6, { tag: `${i}` }))
    expect(site.counter('coap_transfers')).toBe(1)
  })

  it('and no one else has begun: peers do not get into each other’s way', async () => {
    const { peer, text, site } = await startWith()
    const other = await site.peer(await site.thing('other'))
    await peer.ask(part(text, 0))
    expect(await other.codeOf(part(text, 1))).toBe('4.08')
    expect(await peer.codeOf(part(text, 1))).toBe('2.31')
  })

  it('is refused where there are too many, or too many bytes in them: 5.03, and when to come back', async () => {
    const { site, text } = await startWith({ listener: { transfersMax: 2, transfersBytesMax: 3_000 } })
    const thing = await site.thing('many')
    const peers = [await site.peer(thing), await site.peer(thing), await site.peer(thing)]
    expect(await peers[0]!.codeOf(part(text, 0))).toBe('2.31')
    expect(await peers[1]!.codeOf(part(text, 0))).toBe('2.31')
    const refused = await peers[2]!.ask(part(text, 0))
    expect([refused.code, uintOf(refused, OptionNumber.maxAge)]).toEqual([Code.serviceUnavailable, 1])
    expect(await peers[0]!.codeOf(part(text, 1))).toBe('5.03')
    expect(site.counter('coap_refused_total', { limit: 'transfers' })).toBe(1)
    expect(site.counter('coap_refused_total', { limit: 'transfers-bytes' })).toBe(1)
    expect([site.counter('coap_transfers'), site.counter('coap_transfers_bytes')]).toEqual([1, 1_024])
  })

  it('is let go of when its next block does not come', async () => {
    const { peer, text, site } = await startWith({ listener: { transferIdleMs: 100 } })
    await peer.ask(part(text, 0))
    await expect.poll(() => site.counter('coap_transfers_bytes'), { timeout: 8_000 }).toBe(0)
    expect(await peer.codeOf(part(text, 1))).toBe('4.08')
    expect(site.counter('coap_refused_total', { limit: 'transfer-idle' })).toBe(1)
  })

  it('is not begun by who has no key', async () => {
    const { site, text } = await startWith()
    const stranger = await site.peer()
    expect(await stranger.codeOf(part(text, 0))).toBe('4.01')
    expect(site.counter('coap_transfers')).toBe(0)
  })
})

describe('a body that comes in blocks, of which nothing can become,', () => {
  it.each([
    ['without the right', '/c/telemetry/firmware', '4.03'],
    ['to no channel', '/c/nowhere/firmware', '4.03'],
    ['to a pattern', '/c/telemetry/+', '4.00'],
  ])('is refused from its first block on: %s', async (_what, to, code) => {
    const { site, text } = await startWith()
    const narrow = await site.peer(await site.thing('narrow', ['publish'], 'own/#'))
    expect(await narrow.codeOf({ ...part(text, 0), path: to })).toBe(code)
    expect(site.counter('coap_transfers')).toBe(0)
  })
})

describe('a value that goes in blocks', () => {
  async function startWithValue(listener: Parameters<typeof startSite>[0] = {}) {
    const { site, peer, text } = await startWith(listener)
    const put = async (value: string) => {
      const sender = await site.peer(await site.thing(`sender-${value.length}`))
      for (let number = 0; number * 1_024 < value.length; number++) {
        await sender.ask({ ...part(value, number), code: Code.put })
      }
    }
    await put(text)
    await peer.prove(path)
    return { site, peer, text, put }
  }

  it.each([0, 3, 6])('of size exponent %i, which the peer chose', async sizeExponent => {
    const { peer, text } = await startWithValue()
    const { text: got, first, tags } = await download(peer, sizeExponent)
    expect(got).toBe(text)
    expect(tags).toBe(1)
    expect(uintOf(first, size2)).toBe(text.length)
    expect(textOf(first).length).toBe(16 << sizeExponent)
  })

  it('of 1,024 bytes where nobody chose', async () => {
    const { peer, text } = await startWithValue()
    const first = await peer.ask({ path })
    expect([textOf(first), uintOf(first, block2)]).toEqual([text.slice(0, 1_024), 0x0e])
  })

  it('is one value, also when there is a new one meanwhile', async () => {
    const { peer, text, put } = await startWithValue()
    const first = await peer.ask({ path, options: [blockOption(block2, { number: 0, more: false, sizeExponent: 6 })] })
    await put(longText(3_000))
    const rest = await download(peer, 6, 1)
    expect(textOf(first) + rest.text).toBe(text)
  })

  it('is told again where the last block was lost', async () => {
    const { peer, text } = await startWithValue()
    await download(peer, 6)
    const last = await peer.ask({ path, options: [blockOption(block2, { number: 4, more: false, sizeExponent: 6 })] })
    expect(textOf(last)).toBe(text.slice(4_096))
  })

  it('is there from the middle on, for who comes from elsewhere', async () => {
    const { site, text } = await startWithValue()
    const other = await site.peer(await site.thing('other'))
    await other.prove(path)
    const { text: rest } = await download(other, 6, 2)
    expect(rest).toBe(text.slice(2_048))
  })

  it('has nothing behind its end: 4.00', async () => {
    const { peer } = await startWithValue()
    expect(
      await peer.codeOf({ path, options: [blockOption(block2, { number: 5, more: false, sizeExponent: 6 })] }),
    ).toBe('4.00')
  })

  it('is told without being kept where there is no room: each block from the store', async () => {
    const { peer, text, site } = await startWithValue({ listener: { transfersBytesMax: 5_500 } })
    const busy = await site.peer(await site.thing('busy'))
    await busy.ask({ ...part(longText(2_048), 0), path: '/c/telemetry/else' })
    expect((await download(peer, 6)).text).toBe(text)
    expect(site.counter('coap_refused_total', { limit: 'transfers-bytes' })).toBeGreaterThan(0)
  })
})
