import { createServer } from 'node:http'
import type { AddressInfo } from 'node:net'
import { type ClientStatus, connect, connectHttp } from '@thingmesh/client-node'
import { describe, expect, it, onTestFinished, vi } from 'vitest'
import { quick, reached, type Scheme, startSite, take, takeTo } from './support/site.ts'

const schemes: readonly Scheme[] = ['mqtt', 'ws', 'http']

/** What every transport does, against a hub. */
describe.each(schemes)('a client over %s', scheme => {
  it('publishes, and hears what it asked for', async () => {
    const site = await startSite()
    const client = await site.open(scheme)
    const telemetry = client.channel('telemetry')
    const messages = telemetry.subscribe({ pattern: 'room1/#' })
    await messages.confirmed
    await telemetry.publish({ t: 21.5 }, { subtopic: 'room2' })
    await telemetry.publish({ t: 22 }, { subtopic: 'room1/a' })
    await telemetry.publish('warm', { subtopic: 'room1' })
    const seen = []
    for await (const message of messages) {
      seen.push(message)
      if (seen.length === 2) break
    }
    expect(seen).toMatchObject([
      { topic: 'telemetry/room1/a', channel: 'telemetry', subtopic: 'room1/a', encoding: 'json', payload: { t: 22 } },
      { topic: 'telemetry/room1', contentType: 'text/plain;charset=utf-8', encoding: 'text', payload: 'warm' },
    ])
    expect(await site.stored()).toEqual([{ t: 21.5 }, { t: 22 }, 'warm'])
  })

  it('calls back, one message at a time', async () => {
    const site = await startSite()
    const client = await site.open(scheme)
    const telemetry = client.channel('telemetry')
    const seen: unknown[] = []
    let running = 0
    await new Promise<void>((resolve, reject) => {
      const subscription = telemetry.subscribe(async ({ payload }) => {
        if (++running > 1) reject(new Error('called while it was still at work'))
        await new Promise(done => setImmediate(done))
        running--
        if (seen.push(payload) === 3) resolve()
      })
      subscription.confirmed.then(() => Promise.all([1, 2, 3].map(n => telemetry.publish(n)))).catch(reject)
    })
    expect(seen).toEqual([1, 2, 3])
  })

  it('is refused with a wrong key, and does not try again', async () => {
    const site = await startSite()
    await expect(site.open(scheme, { key: 'wrong' })).rejects.toMatchObject({
      code: 'unauthenticated',
      outcome: 'rejected',
      retryable: false,
    })
  })

  it('starts without a hub, and what was published meanwhile arrives in order', async () => {
    const site = await startSite()
    await site.stop()
    const client = await site.open(scheme)
    expect(client.currentStatus).toMatchObject({ state: 'offline', reason: { code: 'unavailable' } })
    const telemetry = client.channel('telemetry')
    const receipts = [1, 2, 3].map(n => telemetry.publish(n))
    expect(client.outbox.stats()).toMatchObject({ count: 3 })
    await site.start()
    await Promise.all(receipts)
    await client.drain()
    expect(client.outbox.stats()).toMatchObject({ count: 0, bytes: 0 })
    expect(await site.stored()).toEqual([1, 2, 3])
  })

  it('says that it is connected only when every subscription is confirmed', async () => {
    const site = await startSite()
    await site.stop()
    const client = await site.open(scheme)
    const states: string[] = []
    client.on('statusChanged', ({ state }) => states.push(state))
    const messages = client.channel('telemetry').subscribe()
    let confirmed = false
    messages.confirmed.then(() => {
      confirmed = true
    })
    let confirmedFirst: boolean | undefined
    client.on('statusChanged', ({ state }: ClientStatus) => {
      if (state === 'connected') confirmedFirst = confirmed
    })
    await site.start()
    await reached(client, 'connected')
    expect(confirmedFirst).toBe(true)
    expect(states.at(-1)).toBe('connected')
  })

  it('says which subscription it may not have any more, and goes on with the others', async () => {
    const site = await startSite()
    const { control } = site.hub
    await control.channels.create({ name: 'aside' })
    await control.grants.create({ thing: 'sensor', channel: 'aside', actions: ['publish', 'subscribe', 'read'] })
    const client = await site.open(scheme)
    const refused: string[] = []
    const others: string[] = []
    client.on('subscriptionRefused', ({ filter, error }) => refused.push(`${filter} ${error.code}`))
    for (const name of ['gapOpened', 'messageDropped', 'draftSetAside'] as const) {
      client.on(name, () => others.push(name))
    }
    const telemetry = client.channel('telemetry').subscribe()
    const aside = client.channel('aside')
    const messages = aside.subscribe()
    await Promise.all([telemetry.confirmed, messages.confirmed])
    await client.channel('telemetry').publish(0)
    expect(await take(telemetry, 1)).toEqual([0])
    const { items } = await control.grants.list({ channel: 'telemetry' })
    await control.grants.remove(items[0]!.id)
    // While it is told, and comes back where that takes it.
    const receipts = [1, 2, 3].map(n => aside.publish(n))
    await expect(take(telemetry, 1)).rejects.toMatchObject({ code: 'permission-denied' })
    await Promise.all(receipts)
    expect(await takeTo(messages, 3)).toEqual([1, 2, 3])
    await reached(client, 'connected')
    expect([refused, others]).toEqual([['telemetry/# permission-denied'], []])
    // Nobody asks for it any more.
    site.proxy(scheme).cut()
    await reached(client, 'offline')
    await reached(client, 'connected')
    expect(refused).toHaveLength(1)
  })

  it('misses nothing over a restart of the hub', async () => {
    const site = await startSite()
    const subscriber = await site.open(scheme)
    const messages = subscriber.channel('telemetry').subscribe()
    await messages.confirmed
    const publisher = await site.open('mqtt')
    const telemetry = publisher.channel('telemetry')
    for (let n = 0; n < 10; n++) await telemetry.publish(n)
    expect(await take(messages, 5)).toEqual([0, 1, 2, 3, 4])
    await site.stop()
    await reached(subscriber, 'offline')
    await site.start()
    // Before the subscriber need be back.
    for (let n = 10; n < 20; n++) await telemetry.publish(n)
    // What was acknowledged as the hub went may come again: at least once, and in order.
    const later = new Set(await takeTo(messages, 19))
    expect([...later].filter(n => Number(n) > 4)).toEqual([5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15, 16, 17, 18, 19])
  })

  it('repeats nothing that its readers still have in front of them', async () => {
    const site = await startSite()
    const client = await site.open(scheme)
    const telemetry = client.channel('telemetry')
    const messages = telemetry.subscribe()
    await messages.confirmed
    for (let round = 0; round < 5; round++) {
      await telemetry.publish(round)
      site.proxy(scheme).cut()
      await reached(client, 'offline')
      await reached(client, 'connected')
    }
    await telemetry.publish(5)
    expect(await takeTo(messages, 5)).toEqual([0, 1, 2, 3, 4, 5])
  })

  it('misses nothing where it had heard nothing yet', async () => {
    const site = await startSite()
    const subscriber = await site.open(scheme)
    const messages = subscriber.channel('telemetry').subscribe()
    await messages.confirmed
    site.proxy(scheme).admit(false)
    site.proxy(scheme).cut()
    await reached(subscriber, 'offline')
    const publisher = await site.open(scheme === 'mqtt' ? 'http' : 'mqtt')
    await publisher.channel('telemetry').publish('while you were out')
    site.proxy(scheme).admit(true)
    expect(await take(messages, 1)).toEqual(['while you were out'])
  })

  it('stores everything once and in order while the network is cut again and again', async () => {
    const site = await startSite()
    const client = await site.open(scheme)
    const telemetry = client.channel('telemetry')
    const receipts: PromiseLike<unknown>[] = []
    for (let round = 0; round < 10; round++) {
      for (let n = 0; n < 20; n++) receipts.push(telemetry.publish(round * 20 + n))
      await receipts[round * 20 + 7]
      site.proxy(scheme).cut()
    }
    await Promise.all(receipts)
    expect(await site.stored()).toEqual(Array.from({ length: 200 }, (_, n) => n))
  })

  it('notices a network that is gone and does not say so', async () => {
    const site = await startSite()
    const client = await site.open(scheme, {
      timeoutMs: 300,
      keepAliveSeconds: 1,
      silenceMs: 400,
      connectTimeoutMs: 400,
    })
    const messages = client.channel('telemetry').subscribe()
    await messages.confirmed
    site.proxy(scheme).freeze()
    await reached(client, 'offline')
    const receipt = client.channel('telemetry').publish('at last')
    site.proxy(scheme).thaw()
    site.proxy(scheme).cut()
    await receipt
    expect(await take(messages, 1)).toEqual(['at last'])
  })

  it('sets aside what the hub will never take, and goes on with the rest', async () => {
    const site = await startSite()
    const client = await site.open(scheme)
    const setAside: string[] = []
    client.on('draftSetAside', ({ entry, error }) => setAside.push(`${entry.topic}: ${error.code}`))
    const refused = client.channel('elsewhere').publish('not mine')
    const taken = client.channel('telemetry').publish('mine')
    await expect(refused).rejects.toMatchObject({ code: 'permission-denied', outcome: 'rejected' })
    await taken
    expect(setAside).toEqual(['elsewhere: permission-denied'])
    expect(client.outbox.stats()).toMatchObject({ count: 0, setAside: 1 })
    expect(await site.stored()).toEqual(['mine'])
  })

  it('sets aside what is too large for the hub, also where nothing else is sent', async () => {
    const site = await startSite()
    const client = await site.open(scheme)
    const setAside: string[] = []
    client.on('draftSetAside', ({ error }) => setAside.push(error.code))
    const large = client.channel('telemetry').publish(new Uint8Array(70_000), { retain: true })
    await expect(large).rejects.toMatchObject({
      code: 'too-large',
      outcome: 'rejected',
      message: expect.stringContaining('the limit is 65536'),
    })
    expect(setAside).toEqual(['too-large'])
    expect(client.outbox.stats()).toMatchObject({ count: 0 })
  })

  it.skipIf(scheme === 'http')('sets aside what the hub ends the connection for', async () => {
    const site = await startSite()
    const client = await site.open(scheme)
    const setAside: string[] = []
    client.on('draftSetAside', ({ error }) => setAside.push(error.message))
    const channel = client.channel('telemetry')
    const headers = Array.from({ length: 17 }, (_, n) => [`${n}`, ''] as const)
    channel.publish('before')
    channel.publish('poison', { properties: { headers } })
    await channel.publish('behind')
    expect(setAside).toEqual([expect.stringContaining('the limit is 16')])
    expect(await site.stored()).toEqual(['before', 'behind'])
  })

  it('takes a token in place of a key', async () => {
    const site = await startSite()
    const { secret } = await site.hub.control.tokens.create({ name: 'ops', scope: 'admin' })
    const client = await site.open(scheme, { thing: undefined, key: undefined, token: secret })
    await client.channel('telemetry').publish('by an operator')
    expect(await site.stored()).toEqual(['by an operator'])
    await expect(site.open(scheme, { token: secret })).rejects.toThrow('exactly one of key and token is needed')
  })

  it('tells a reader whose filter is refused, and stays connected', async () => {
    const site = await startSite()
    const client = await site.open(scheme)
    const messages = client.channel('elsewhere').subscribe()
    await expect(messages.confirmed).rejects.toMatchObject({ code: 'permission-denied' })
    await expect(take(messages, 1)).rejects.toMatchObject({ code: 'permission-denied' })
    await client.channel('telemetry').publish('still here')
    expect(client.currentStatus).toEqual({ state: 'connected' })
  })

  it.skipIf(scheme === 'http')('tells who subscribes to one more than the hub has room for', async () => {
    const site = await startSite()
    const client = await site.open(scheme)
    const channel = client.channel('telemetry')
    const all = Array.from({ length: 100 }, (_, n) => channel.subscribe({ pattern: `${n}` }))
    await Promise.all(all.map(({ confirmed }) => confirmed))
    await expect(channel.subscribe().confirmed).rejects.toMatchObject({
      code: 'rate-limited',
      message: expect.stringContaining('the limit is 100'),
    })
    await channel.publish('heard', { subtopic: '99' })
    expect(await take(all[99]!, 1)).toEqual(['heard'])
    expect(client.currentStatus).toEqual({ state: 'connected' })
  })

  it('closes for good when its key is taken away', async () => {
    const site = await startSite()
    const client = await site.open(scheme, { checkMs: 50 })
    const messages = client.channel('telemetry').subscribe()
    await messages.confirmed
    await site.hub.control.things.remove('sensor')
    await reached(client, 'closed')
    expect(client.currentStatus).toMatchObject({ state: 'closed', reason: { retryable: false, outcome: 'rejected' } })
    await expect(take(messages, 1)).rejects.toMatchObject({ retryable: false })
  })

  it('ends its readers and its status when it is closed', async () => {
    const site = await startSite()
    const client = await site.open(scheme)
    const messages = client.channel('telemetry').subscribe()
    await messages.confirmed
    const next = messages[Symbol.asyncIterator]().next()
    const closed = reached(client, 'closed')
    await client[Symbol.asyncDispose]()
    await closed
    expect(await next).toEqual({ done: true, value: undefined })
    await expect(client.channel('telemetry').publish(1)).rejects.toMatchObject({ code: 'canceled' })
  })
})

async function payloadsOf(messages: AsyncIterable<{ readonly payload: unknown }>): Promise<unknown[]> {
  const payloads: unknown[] = []
  for await (const { payload } of messages) payloads.push(payload)
  return payloads
}

describe('what one transport can', () => {
  it('http reads history and last values; mqtt says that it cannot', async () => {
    const site = await startSite()
    const http = await site.open('http')
    const telemetry = http.channel('telemetry')
    for (let n = 0; n < 5; n++) await telemetry.publish(n, { subtopic: `r${n}`, retain: n % 2 === 0 })
    expect(await payloadsOf(telemetry.history({ pageSize: 2 }))).toEqual([0, 1, 2, 3, 4])
    expect(await payloadsOf(telemetry.history({ last: 2 }))).toEqual([3, 4])
    expect(await payloadsOf(telemetry.history({ last: 9, pattern: 'r1' }))).toEqual([1])
    expect((await telemetry.latest({ pattern: '+' })).map(({ payload }) => payload).sort()).toEqual([0, 2, 4])
    const mqtt = await site.open('mqtt')
    await expect(mqtt.channel('telemetry').latest()).rejects.toMatchObject({ code: 'unsupported', outcome: 'not-sent' })
  })

  it('ws says why it could not be opened', async () => {
    const server = createServer((_request, response) => response.writeHead(404).end())
    server.on('upgrade', (_request, socket) => socket.end('HTTP/1.1 404 Not Found\r\n\r\n'))
    await new Promise<void>(resolve => server.listen(0, '127.0.0.1', resolve))
    const url = `ws://127.0.0.1:${(server.address() as AddressInfo).port}`
    const toldBy = async (): Promise<string | undefined> => {
      const client = await connect(url, { ...quick, key: 'k' })
      onTestFinished(() => client.close())
      return client.currentStatus.reason?.message
    }
    expect(await toldBy()).toBe('the websocket could not be opened (Unexpected server response: 404)')
    server.closeAllConnections()
    await new Promise(resolve => server.close(resolve))
    expect(await toldBy()).toBe('the websocket could not be opened (ECONNREFUSED)')
  })

  it('mqtt stores once a whole window of publishes whose answers are lost', async () => {
    const site = await startSite()
    const client = await site.open('mqtt', { timeoutMs: 30_000 })
    const telemetry = client.channel('telemetry')
    const readings = Array.from({ length: 4_000 }, (_, i) => i)
    let acknowledged = 0
    const half = Promise.withResolvers<void>()
    const all = readings.map(async reading => {
      await telemetry.publish(reading).acked
      if (++acknowledged === 2_000) {
        site.proxy('mqtt').mute()
        half.resolve()
      }
    })
    await half.promise
    // What is under way is as much as may be, and the hub has all of it.
    await vi.waitFor(async () => expect((await site.stored()).length).toBeGreaterThan(2_000 + 500), { timeout: 5_000 })
    site.proxy('mqtt').cut()
    await Promise.all(all)
    expect(await site.stored()).toEqual(readings)
  })

  it('http tells the id under which a message is stored', async () => {
    const site = await startSite()
    const client = await site.open('http')
    const { id } = await client.channel('telemetry').publish(1)
    expect(id).toMatch(/\.1$/)
  })

  it('http sets aside what it has no way to say, and keeps its connection', async () => {
    const site = await startSite()
    const client = await site.open('http')
    const failed: string[] = []
    client.on('attemptFailed', ({ error }) => failed.push(error.message))
    const channel = client.channel('telemetry')
    const refused = [
      channel.publish('x', { contentType: 'text/plain\nx: y' }),
      channel.publish('x', { contentType: 'text/plain\ud800' }),
      channel.publish('x', { subtopic: 'a/../b' }),
    ]
    const taken = channel.publish('said')
    for (const receipt of refused) {
      await expect(receipt).rejects.toMatchObject({ code: 'invalid-argument', outcome: 'not-sent' })
    }
    await taken
    await expect(channel.subscribe({ pattern: 'a/../b' }).confirmed).rejects.toMatchObject({ code: 'invalid-argument' })
    expect(failed).toEqual([])
    expect(client.currentStatus).toEqual({ state: 'connected' })
    expect(await site.stored()).toEqual(['said'])
  })

  it('connectHttp follows an empty log from its first message on', async () => {
    const site = await startSite()
    const client = await site.open('http')
    let polled = (): void => undefined
    const begun = new Promise<void>(resolve => {
      polled = resolve
    })
    const watched: typeof fetch = (url, init) => {
      if (String(url).includes('wait=')) polled()
      return fetch(url, init)
    }
    const url = `http://127.0.0.1:${site.proxy('http').port}`
    const reader = connectHttp(url, { key: site.key, fetch: watched })
    const first = reader.follow('telemetry/#', { waitSeconds: 5 }).next()
    await begun
    await client.channel('telemetry').publish('the very first')
    expect((await first).value).toMatchObject({ payload: 'the very first' })
    reader.close()
  })
})

describe.each(['mqtt', 'ws'] as const)('a session over %s', scheme => {
  it('tells of the gap in what it was back in the right to before it was back itself, and of no other', async () => {
    const site = await startSite()
    const { control } = site.hub
    await control.channels.create({ name: 'aside' })
    const aside = { thing: 'sensor', channel: 'aside', actions: ['publish', 'subscribe', 'read'] as const }
    const { id } = await control.grants.create(aside)
    const client = await site.open(scheme)
    // By a way that is not the one that is closed below: ws is http's.
    const writer = await site.open(scheme === 'ws' ? 'mqtt' : 'http')
    const gaps: string[] = []
    client.on('gapOpened', ({ filter }) => gaps.push(filter))
    const lost = client.channel('aside').subscribe()
    const kept = client.channel('telemetry').subscribe()
    await Promise.all([lost.confirmed, kept.confirmed])
    const proxy = site.proxy(scheme)
    proxy.admit(false)
    await control.grants.remove(id)
    await reached(client, 'offline')
    await control.grants.create(aside)
    await writer.channel('aside').publish('missed')
    await writer.channel('telemetry').publish(1)
    proxy.admit(true)
    await reached(client, 'connected')
    expect(gaps).toEqual(['aside/#'])
    await writer.channel('aside').publish('heard')
    expect(await take(lost, 1)).toEqual(['heard'])
    expect(await take(kept, 1)).toEqual([1])
  })
})
