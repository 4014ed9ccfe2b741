import fc from 'fast-check'
import { describe, expect, it, onTestFinished, vi } from 'vitest'
import {
  type Client,
  type ClientOptions,
  memoryOutbox,
  type Outbox,
  type OutboxEntry,
  openClient,
} from '../../src/client/index.ts'
import { ThingmeshError } from '../../src/errors/index.ts'
import { rejection } from './scripted-server.ts'
import { offline, type ScriptedTransport, scriptedTransport, until } from './scripted-transport.ts'

const backoff = { firstMs: 1, maxMs: 2 }

async function open(transport: ScriptedTransport, options: ClientOptions = {}): Promise<Client> {
  const client = await openClient(transport, { backoff, ...options })
  onTestFinished(() => client.close())
  return client
}

/** A client without a hub, until `come` is called. */
async function openOffline(options: ClientOptions = {}) {
  const transport = scriptedTransport()
  let there = false
  transport.answer = () => (there ? undefined : offline())
  const client = await open(transport, options)
  const dropped: string[] = []
  client.on('draftDropped', ({ entry, reason }) => dropped.push(`${textOf(entry)} ${reason}`))
  const come = async (count: number): Promise<string[]> => {
    there = true
    await until(() => transport.sent.length >= count)
    return transport.sent.map(({ text }) => text)
  }
  return { client, transport, dropped, come }
}

/** The device's clock stands still, until it is moved. */
function stopClock(): (ms: number) => void {
  vi.useFakeTimers({ toFake: ['Date'] })
  onTestFinished(() => {
    vi.useRealTimers()
  })
  return ms => vi.setSystemTime(Date.now() + ms)
}

const textOf = ({ payload }: OutboxEntry): string => new TextDecoder().decode(payload)

describe('the outbox of a client', () => {
  it('sends in order, so many at a time, and settles a publish on the acknowledgement', async () => {
    const transport = scriptedTransport({ inFlightMax: 2 })
    const client = await open(transport)
    const channel = client.channel('c')
    const receipts = ['a', 'b', 'c'].map(text => channel.publish(text))
    await until(() => transport.sent.length === 2)
    let settled = false
    receipts[0]!.acked.then(() => {
      settled = true
    })
    await receipts[0]!.stored
    expect(settled).toBe(false)
    transport.sent[0]!.acknowledge({ id: 'h.e.1' })
    expect(await receipts[0]).toEqual({ id: 'h.e.1' })
    await until(() => transport.sent.length === 3)
    expect(transport.sent.map(({ text }) => text)).toEqual(['a', 'b', 'c'])
  })

  it('resends under the same key what a broken connection left open, in order and before what is newer', async () => {
    const transport = scriptedTransport()
    const client = await open(transport)
    const channel = client.channel('c')
    for (const text of ['a', 'b', 'c']) channel.publish(text)
    await until(() => transport.sent.length === 3)
    transport.sent[0]!.acknowledge()
    await until(() => client.outbox.stats().count === 2)
    transport.cut()
    channel.publish('d')
    await until(() => transport.sent.length === 6)
    expect(transport.sent.slice(3).map(({ text }) => text)).toEqual(['b', 'c', 'd'])
    const keys = transport.sent.map(({ draft }) => draft.key ?? '')
    expect(keys[3]).toBe(keys[1])
    expect(keys[4]).toBe(keys[2])
    expect(new Set(keys).size).toBe(4)
    for (const key of keys) expect(key).toMatch(/^[\x21-\x7e]{1,64}$/)
  })

  it('keeps the order whatever is cut, refused for a while or acknowledged', async () => {
    await fc.assert(
      fc.asyncProperty(fc.array(fc.constantFrom('acknowledge', 'cut', 'refuse'), { maxLength: 12 }), async steps => {
        const transport = scriptedTransport({ inFlightMax: 1 })
        const client = await openClient(transport, { backoff: { firstMs: 1, maxMs: 1 } })
        const stored: string[] = []
        const seen = new Set<string>()
        const store = (index: number): void => {
          const { draft, text } = transport.sent[index]!
          if (!seen.has(draft.key ?? '')) stored.push(text)
          seen.add(draft.key ?? '')
        }
        for (let n = 0; n < 6; n++) client.channel('c').publish(String(n))
        let at = 0
        for (const step of [...steps, ...Array<'acknowledge'>(6).fill('acknowledge')]) {
          if (client.outbox.stats().count === 0) break
          await until(() => transport.sent.length > at)
          const sent = transport.sent[at++]!
          if (step === 'refuse') sent.refuse(new ThingmeshError('rate-limited', 'later'))
          else {
            store(at - 1)
            if (step === 'cut') transport.cut()
            else {
              const before = client.outbox.stats().count
              sent.acknowledge()
              await until(() => client.outbox.stats().count < before)
            }
          }
        }
        expect(stored).toEqual(['0', '1', '2', '3', '4', '5'])
        await client.close()
      }),
      { numRuns: 30 },
    )
  })

  it('block: a publish waits for room, in order, and gives up with its signal', async () => {
    const { client, transport, come } = await openOffline()
    const channel = client.channel('c', { countMax: 2 })
    const receipts = ['a', 'b', 'c', 'd'].map(text => channel.publish(text))
    const caller = new AbortController()
    const given = channel.publish('never', { signal: caller.signal })
    caller.abort()
    expect(await rejection(given.acked)).toMatchObject({ code: 'canceled', outcome: 'not-sent' })
    expect(client.outbox.stats().count).toBe(2)
    await come(2)
    for (let n = 0; n < 4; n++) {
      await until(() => transport.sent.length > n)
      transport.sent[n]!.acknowledge()
    }
    await Promise.all(receipts)
    expect(transport.sent.map(({ text }) => text)).toEqual(['a', 'b', 'c', 'd'])
  })

  it('block: who comes at the moment that room is made stands behind those who wait', async () => {
    const transport = scriptedTransport()
    const client = await open(transport)
    const channel = client.channel('c', { countMax: 1 })
    client.on('draftSetAside', () => void channel.publish('late'))
    channel.publish('poison')
    channel.publish('early')
    await until(() => transport.sent.length === 1)
    transport.sent[0]!.refuse(new ThingmeshError('too-large', 'too large'))
    await until(() => transport.sent.length === 2)
    transport.sent[1]!.acknowledge()
    await until(() => transport.sent.length === 3)
    expect(transport.sent.map(({ text }) => text)).toEqual(['poison', 'early', 'late'])
  })

  it('block: bounds those who wait', async () => {
    const { client } = await openOffline({ waitersMax: 1 })
    const channel = client.channel('c', { countMax: 1 })
    channel.publish('a')
    channel.publish('b')
    expect(await rejection(channel.publish('c').acked)).toMatchObject({ code: 'rate-limited', outcome: 'not-sent' })
  })

  it('drop-oldest: makes room, says so, and tells the publisher', async () => {
    const { client, dropped, come } = await openOffline()
    const channel = client.channel('c', { policy: 'drop-oldest', countMax: 2 })
    const first = channel.publish('a')
    for (const text of ['b', 'c']) await channel.publish(text).stored
    expect(await rejection(first.acked)).toMatchObject({ code: 'unavailable', outcome: 'not-sent' })
    expect(dropped).toEqual(['a oldest'])
    expect(client.outbox.stats()).toMatchObject({ count: 2, dropped: 1 })
    expect(await come(2)).toEqual(['b', 'c'])
  })

  it('drop-oldest: bounds bytes, of one channel and not of another', async () => {
    const { client, dropped } = await openOffline()
    const channel = client.channel('c', { policy: 'drop-oldest', bytesMax: 25 })
    await client.channel('other').publish('x'.repeat(100)).stored
    for (const letter of ['a', 'b', 'c']) await channel.publish(letter.repeat(9)).stored
    expect(dropped).toEqual(['aaaaaaaaa oldest'])
    expect(client.outbox.stats()).toMatchObject({ count: 3, bytes: 105 + 20 })
  })

  it('latest-only: keeps the newest of each topic', async () => {
    const { client, dropped, come } = await openOffline()
    const channel = client.channel('c', { policy: 'latest-only' })
    for (const [subtopic, text] of [
      ['x', '1'],
      ['y', '2'],
      ['x', '3'],
      ['x', '4'],
    ] as const) {
      await channel.publish(text, { subtopic }).stored
    }
    expect(dropped).toEqual(['1 superseded', '3 superseded'])
    expect(await come(2)).toEqual(['2', '4'])
  })

  it('none: sends now or not at all', async () => {
    const { client, transport, come } = await openOffline()
    const channel = client.channel('c', { policy: 'none' })
    expect(await rejection(channel.publish('a').acked)).toMatchObject({ code: 'unavailable', outcome: 'not-sent' })
    expect(await rejection(client.channel('c').publish('b', { delivery: 'at-most-once' }).acked)).toMatchObject({
      outcome: 'not-sent',
    })
    await come(0)
    await until(() => client.currentStatus.state === 'connected')
    const receipt = channel.publish('c')
    await until(() => transport.sent.length === 1)
    transport.cut()
    expect(await rejection(receipt.acked)).toMatchObject({ outcome: 'unknown' })
  })

  it('drops what is too old to be worth sending', async () => {
    const { client, dropped, come } = await openOffline()
    const receipt = client.channel('c', { ageMaxMs: 1 }).publish('old')
    await receipt.stored
    await client.channel('c').publish('new').stored
    const since = Date.now()
    await until(() => Date.now() > since + 2)
    expect(await come(1)).toEqual(['new'])
    expect(dropped).toEqual(['old expired'])
    expect(await rejection(receipt.acked)).toMatchObject({ outcome: 'not-sent' })
  })

  it('gives the room of what is too old to what waits for it, without a hub as well, and says so', async () => {
    const { client, dropped } = await openOffline()
    await client.channel('c', { ageMaxMs: 1 }).publish('old').stored
    await client.channel('c', { countMax: 1 }).publish('new').stored
    expect(dropped).toEqual(['old expired'])
    expect(client.outbox.stats()).toMatchObject({ count: 1, dropped: 1 })
  })

  it('waits for nothing that has become too old, and does not count it, without a hub as well', async () => {
    const passTime = stopClock()
    const { client, dropped } = await openOffline()
    const channel = client.channel('c', { ageMaxMs: 1_000 })
    await channel.publish('a').stored
    await channel.publish('b').stored
    const drained = client.drain()
    passTime(1_000)
    await drained
    expect(dropped).toEqual(['a expired', 'b expired'])

    const receipt = channel.publish('c')
    await receipt.stored
    await client.channel('other').publish('d').stored
    passTime(1_000)
    expect(client.outbox.stats()).toMatchObject({ count: 1, bytes: 'other'.length + 1 })
    expect(await rejection(receipt.acked)).toMatchObject({ code: 'unavailable', outcome: 'not-sent' })
    expect(client.outbox.stats()).toMatchObject({ count: 1, dropped: 3 })
  })

  it('tells of what has become too old in its order, each once, also who asks then how much is left', async () => {
    const passTime = stopClock()
    const { client } = await openOffline()
    const told: string[] = []
    client.on('draftDropped', ({ entry }) => {
      const { count, dropped } = client.outbox.stats()
      told.push(`${textOf(entry)} ${count} ${dropped}`)
    })
    const channel = client.channel('c', { ageMaxMs: 1_000 })
    for (const text of ['a', 'b', 'c']) channel.publish(text)
    const drained = client.drain()
    passTime(1_000)
    await drained
    expect(told).toEqual(['a 0 1', 'b 0 2', 'c 0 3'])
  })

  it('leaves what is under way to the hub, however old it becomes', async () => {
    const transport = scriptedTransport()
    const passTime = stopClock()
    const client = await open(transport)
    const receipt = client.channel('c', { ageMaxMs: 1_000 }).publish('a')
    await until(() => transport.sent.length === 1)
    passTime(1_000)
    expect(client.outbox.stats()).toMatchObject({ count: 1, dropped: 0 })
    transport.sent[0]!.acknowledge({ id: 'hub.e.1' })
    expect(await receipt).toEqual({ id: 'hub.e.1' })
    await client.drain()
  })

  it('sets a poison draft aside with its error, and blocks nothing', async () => {
    const transport = scriptedTransport()
    const client = await open(transport)
    const setAside: string[] = []
    client.on('draftSetAside', ({ entry, error }) => setAside.push(`${textOf(entry)} ${error.code}`))
    const channel = client.channel('c')
    const poison = channel.publish('poison')
    const good = channel.publish('good')
    await until(() => transport.sent.length === 2)
    transport.sent[0]!.refuse(new ThingmeshError('too-large', 'payload of 6 bytes, the limit is 5'))
    transport.sent[1]!.acknowledge()
    expect(await rejection(poison.acked)).toMatchObject({ code: 'too-large', outcome: 'rejected' })
    await good
    expect(setAside).toEqual(['poison too-large'])
    expect(client.outbox.stats()).toMatchObject({ count: 0, setAside: 1 })
  })

  it('takes what is refused again and again, while others get through, for poison', async () => {
    const transport = scriptedTransport()
    const client = await open(transport)
    const channel = client.channel('c')
    const poison = channel.publish('poison')
    let at = 0
    for (let n = 0; n < 5; n++) {
      const good = channel.publish(`good${n}`)
      await until(() => transport.sent.length >= at + 2)
      for (const sent of transport.sent.slice(at)) {
        if (sent.text === 'poison') sent.refuse(new ThingmeshError('rate-limited', 'quota exceeded'))
        else sent.acknowledge()
      }
      at = transport.sent.length
      await good
    }
    expect(await rejection(poison.acked)).toMatchObject({ code: 'rate-limited' })
  })

  it('finds what the hub ends connections for, and blocks nothing behind it', async () => {
    const transport = scriptedTransport()
    const client = await open(transport)
    const setAside: string[] = []
    client.on('draftSetAside', ({ entry, error }) => setAside.push(`${textOf(entry)} ${error.code}`))
    const texts = ['a', 'b', 'poison', 'c', 'd']
    const receipts = texts.map(text => client.channel('c').publish(text))
    let at = 0
    const stored: string[] = []
    while (stored.length < 4) {
      await until(() => transport.sent.length > at)
      const { text, acknowledge } = transport.sent[at++]!
      if (text === 'poison') {
        transport.cut(new ThingmeshError('invalid-argument', 'a hub that hangs up'))
        at = transport.sent.length
      } else {
        stored.push(text)
        acknowledge()
      }
    }
    expect(stored).toEqual(['a', 'b', 'c', 'd'])
    expect(setAside).toEqual(['poison invalid-argument'])
    expect(await rejection(receipts[2]!.acked)).toMatchObject({ message: 'a hub that hangs up' })
  })

  it('sets nothing aside for a network that breaks whenever it is sent', async () => {
    const transport = scriptedTransport()
    const client = await open(transport)
    const receipt = client.channel('c').publish('a')
    for (let cuts = 0; cuts < 12; cuts++) {
      await until(() => transport.sent.length > cuts)
      transport.cut(new ThingmeshError(cuts % 2 === 0 ? 'timeout' : 'unavailable', 'gone', { outcome: 'unknown' }))
    }
    await until(() => transport.sent.length === 13)
    transport.sent[12]!.acknowledge({ id: 'h.e.1' })
    expect(await receipt).toEqual({ id: 'h.e.1' })
    expect(client.outbox.stats()).toMatchObject({ setAside: 0 })
  })

  it('says of what the client was closed with whether it may have been sent', async () => {
    const transport = scriptedTransport({ inFlightMax: 1 })
    const client = await open(transport)
    const channel = client.channel('c', { countMax: 2 })
    const receipts = ['sent', 'not sent', 'waits for room'].map(text => channel.publish(text).acked)
    await until(() => transport.sent.length === 1)
    await client.close()
    const late = ['block', 'none'] as const
    receipts.push(...late.map(policy => client.channel('c', { policy }).publish('late').acked))
    const errors = await Promise.all(receipts.map(rejection))
    expect(errors.map(error => (error as ThingmeshError).outcome)).toEqual([
      'unknown',
      'not-sent',
      'not-sent',
      'not-sent',
      'not-sent',
    ])
  })

  it('says of what it drops whether it may have been sent', async () => {
    const transport = scriptedTransport()
    const client = await open(transport)
    const channel = client.channel('c', { policy: 'latest-only' })
    const first = channel.publish('sent').acked
    await until(() => transport.sent.length === 1)
    transport.answer = () => offline()
    transport.cut()
    await until(() => client.currentStatus.state === 'offline')
    const second = channel.publish('not sent').acked
    channel.publish('newest')
    expect(await rejection(first)).toMatchObject({ outcome: 'unknown' })
    expect(await rejection(second)).toMatchObject({ outcome: 'not-sent' })
  })

  it('gives up on an outbox that takes long to open, with the signal, and lets go of it', async () => {
    const caller = new AbortController()
    let closed = 0
    let opened: (entries: readonly OutboxEntry[]) => void = () => undefined
    const outbox: Outbox = {
      ...memoryOutbox(),
      open: () => new Promise(resolve => (opened = resolve)),
      close: async () => void closed++,
    }
    const opening = openClient(scriptedTransport(), { outbox, signal: caller.signal })
    caller.abort()
    expect(await rejection(opening)).toMatchObject({ code: 'canceled', outcome: 'not-sent' })
    opened([])
    await until(() => closed === 1)
  })

  it('estimates the way to empty by acknowledgements alone, and not by what nobody waited for', async () => {
    vi.useFakeTimers({ toFake: ['Date'] })
    onTestFinished(() => void vi.useRealTimers())
    const transport = scriptedTransport({ inFlightMax: 1 })
    const client = await open(transport)
    const channel = client.channel('c')
    let at = 0
    const acknowledge = async (afterMs: number): Promise<void> => {
      await until(() => transport.sent.length > at)
      vi.setSystemTime(Date.now() + afterMs)
      transport.sent[at++]!.acknowledge()
      await until(() => transport.sent.length > at || client.outbox.stats().count === 0)
    }
    const hourMs = 3_600_000
    channel.publish('alone')
    await acknowledge(10)
    // Idle.
    vi.setSystemTime(Date.now() + hourMs)
    for (const text of ['a', 'b', 'c', 'd', 'e']) channel.publish(text)
    for (let n = 0; n < 2; n++) await acknowledge(10)
    expect(client.outbox.stats()).toMatchObject({ count: 3, drainEstimateMs: 30 })
    // Away.
    transport.answer = () => offline()
    transport.cut()
    await until(() => client.currentStatus.state === 'offline')
    vi.setSystemTime(Date.now() + hourMs)
    at++
    transport.answer = () => undefined
    await acknowledge(10)
    expect(client.outbox.stats()).toMatchObject({ count: 2, drainEstimateMs: 20 })
  })

  it('drains, or says why it could not', async () => {
    const transport = scriptedTransport()
    const client = await open(transport)
    await client.drain()
    const receipt = client.channel('c').publish('a')
    const drained = client.drain()
    expect(await rejection(client.drain({ signal: AbortSignal.abort() }))).toMatchObject({ code: 'canceled' })
    await until(() => transport.sent.length === 1)
    transport.sent[0]!.acknowledge()
    await drained
    await receipt
    client.channel('c').publish('b')
    const never = client.drain()
    await client.close()
    expect(await rejection(never)).toMatchObject({ code: 'canceled' })
  })

  it('keeps what there is room for where there is none for all, and tells the others', async () => {
    const transport = scriptedTransport()
    const kept: string[] = []
    const outbox: Outbox = {
      ...memoryOutbox(),
      async write(entries) {
        if (entries.some(({ payload }) => payload.length > 5)) throw new Error('no room')
        kept.push(...entries.map(textOf))
      },
    }
    const client = await open(transport, { outbox })
    const channel = client.channel('c')
    const [first, large, last] = ['a', 'too large', 'b'].map(text => channel.publish(text))
    expect(await rejection(large!.stored)).toMatchObject({ code: 'unavailable', outcome: 'not-sent' })
    await Promise.all([first!.stored, last!.stored])
    expect(kept).toEqual(['a', 'b'])
    expect(client.outbox.stats().count).toBe(2)
    await until(() => transport.sent.length === 2)
    expect(transport.sent.map(({ text }) => text)).toEqual(['a', 'b'])
  })

  it('writes all of a turn at once, and leaves nothing behind of what was superseded while it was written', async () => {
    const kept = new Map<number, string>()
    let writes = 0
    const outbox: Outbox = {
      ...memoryOutbox(),
      async write(entries, gone) {
        writes++
        await new Promise(resolve => setImmediate(resolve))
        for (const entry of entries) kept.set(entry.sequence, textOf(entry))
        for (const sequence of gone) kept.delete(sequence)
      },
    }
    const { client } = await openOffline({ outbox })
    const channel = client.channel('c', { policy: 'latest-only' })
    const receipts = ['1', '2', '3'].map(text => channel.publish(text))
    await until(() => writes === 1)
    const last = channel.publish('4')
    await Promise.all([...receipts, last].map(({ stored }) => stored))
    expect(writes).toBe(2)
    await until(() => kept.size === 1)
    expect([...kept.values()]).toEqual(['4'])
  })

  it('leaves the bytes of the caller alone, and they it', async () => {
    const transport = scriptedTransport()
    const client = await open(transport)
    const bytes = new TextEncoder().encode('abc')
    const receipt = client.channel('c').publish(bytes)
    bytes.fill(0)
    await until(() => transport.sent.length === 1)
    expect(transport.sent[0]!.text).toBe('abc')
    transport.sent[0]!.acknowledge()
    await receipt
  })
})
