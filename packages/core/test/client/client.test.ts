import { describe, expect, it, onTestFinished } from 'vitest'
import { type Client, type ClientMessage, type ClientOptions, openClient } from '../../src/client/index.ts'
import { ThingmeshError } from '../../src/errors/index.ts'
import { rejection } from './scripted-server.ts'
import { offline, type ScriptedTransport, scriptedTransport, until } from './scripted-transport.ts'

const backoff = { firstMs: 1, maxMs: 2 }

async function open(transport: ScriptedTransport, options: ClientOptions = {}): Promise<Client> {
  const client = await openClient(transport, { backoff, ...options })
  onTestFinished(() => client.close())
  return client
}

/** A platform that hints when it is told to, and a client that without hints would not try again. */
function hinted(): { hint(): void; isWanted(): boolean; readonly options: ClientOptions } {
  const wanted = new Set<() => void>()
  return {
    hint() {
      for (const onHint of wanted) onHint()
    },
    isWanted: () => wanted.size > 0,
    options: {
      backoff: { firstMs: 600_000, maxMs: 600_000 },
      hints(onHint) {
        wanted.add(onHint)
        return () => wanted.delete(onHint)
      },
    },
  }
}

const message = (text: string, delivery: ClientMessage['delivery'] = 'at-least-once'): ClientMessage => ({
  topic: 'c/x',
  channel: 'c',
  subtopic: 'x',
  contentType: 'text/plain',
  delivery,
  retain: false,
  encoding: 'text',
  payload: text,
})

describe('the reconnect loop', () => {
  it('goes on after what may pass and gives up on what will not', async () => {
    const transport = scriptedTransport()
    transport.answer = attempt =>
      attempt < 3 ? offline() : new ThingmeshError('unauthenticated', 'the key is not known', { outcome: 'rejected' })
    const client = await open(transport)
    const failures: string[] = []
    client.on('attemptFailed', ({ error }) => failures.push(error.code))
    const states: string[] = []
    for await (const { state } of client.status()) states.push(state)
    expect(states.at(-1)).toBe('closed')
    expect(client.currentStatus).toMatchObject({ state: 'closed', reason: { code: 'unauthenticated' } })
    expect(transport.opened).toBe(4)
    expect(await rejection(client.channel('c').publish(1).acked)).toMatchObject({ code: 'unauthenticated' })
  })

  it('does not push out who pushed it out', async () => {
    const transport = scriptedTransport()
    const client = await open(transport)
    transport.cut(new ThingmeshError('conflict', 'the session was taken over'))
    await until(() => client.currentStatus.state === 'closed')
    expect(transport.opened).toBe(1)
  })

  it('tries at once when the platform hints at it', async () => {
    const transport = scriptedTransport()
    transport.answer = attempt => (attempt === 0 ? offline() : undefined)
    const { hint, options } = hinted()
    const client = await open(transport, options)
    expect(client.currentStatus).toMatchObject({ state: 'offline' })
    hint()
    await until(() => client.currentStatus.state === 'connected')
  })

  it('tries once more where the hint came while it was trying', async () => {
    const transport = scriptedTransport()
    const { hint, options } = hinted()
    transport.answer = attempt => {
      if (attempt === 0) hint()
      return attempt === 0 ? offline() : undefined
    }
    const client = await open(transport, options)
    await until(() => client.currentStatus.state === 'connected')
  })

  it('asks a connection that there is whether it lives, when the platform hints at it', async () => {
    const transport = scriptedTransport()
    const { hint, options } = hinted()
    const client = await open(transport, options)
    hint()
    expect(transport).toMatchObject({ opened: 1, checked: 1 })
    // That was for the connection that there was: the next wait is a whole one.
    transport.cut()
    await until(() => client.currentStatus.state === 'offline')
    expect(client.currentStatus.retryInMs).toBeGreaterThan(1_000)
    expect(transport.opened).toBe(1)
  })

  it('goes on where who listens throws, and says so', async () => {
    const transport = scriptedTransport()
    const client = await open(transport)
    const failed: unknown[] = []
    client.on('callbackFailed', ({ error }) => {
      failed.push(error)
      throw new Error('not even this')
    })
    const mine = new Error('of the program')
    const listener = () => {
      throw mine
    }
    client.on('statusChanged', listener)
    const heard: string[] = []
    client.on('statusChanged', ({ state }) => heard.push(state))
    transport.cut()
    await until(() => heard.includes('connected'))
    expect(heard).toEqual(['offline', 'connecting', 'connected'])
    expect(failed).toEqual([mine, mine, mine])
    client.off('statusChanged', listener)
    transport.cut()
    await until(() => heard.length === 6)
    expect(failed).toHaveLength(3)
  })

  it('wants no hints any more when it is closed', async () => {
    const { isWanted, options } = hinted()
    const client = await open(scriptedTransport(), options)
    expect(isWanted()).toBe(true)
    await client.close()
    expect(isWanted()).toBe(false)
  })

  it('gives up on an attempt that takes too long', async () => {
    const transport = scriptedTransport()
    transport.confirm = () => new Promise(() => undefined)
    transport.answer = attempt => (attempt === 0 ? offline() : undefined)
    const client = await open(transport, { connectTimeoutMs: 5 })
    client.channel('c').subscribe()
    const failures: string[] = []
    client.on('attemptFailed', ({ error }) => failures.push(error.code))
    await until(() => failures.includes('timeout'))
    expect(client.currentStatus.state).not.toBe('connected')
  })

  it('the signal ends the first attempt', async () => {
    const transport = scriptedTransport()
    const caller = new AbortController()
    const opening = openClient(
      { open: () => new Promise(() => undefined) },
      { signal: caller.signal, connectTimeoutMs: 5 },
    )
    caller.abort()
    expect(await rejection(opening)).toMatchObject({ code: 'canceled', outcome: 'not-sent' })
    expect(await rejection(open(transport, { signal: AbortSignal.abort() }))).toMatchObject({ code: 'canceled' })
  })
})

describe('subscriptions', () => {
  it('one at the hub for all readers of a filter; a message is taken when each of them is done with it', async () => {
    const transport = scriptedTransport()
    const client = await open(transport)
    const readers = [client.channel('c').subscribe(), client.channel('c').subscribe()]
    await Promise.all(readers.map(({ confirmed }) => confirmed))
    expect(transport.subscribed).toHaveLength(1)
    let taken = false
    transport.subscribed[0]!.onMessage(message('a')).then(() => {
      taken = true
    })
    const [one, two] = readers.map(reader => reader[Symbol.asyncIterator]())
    expect((await one!.next()).value).toMatchObject({ payload: 'a' })
    await two!.next()
    void one!.next()
    await new Promise(resolve => setImmediate(resolve))
    expect(taken).toBe(false)
    void two!.next()
    await until(() => taken)
  })

  it('come back after a break, once each, and say where something may be missing', async () => {
    const transport = scriptedTransport()
    const client = await open(transport)
    const first = client.channel('a').subscribe()
    await Promise.all([first.confirmed, client.channel('b').subscribe({ pattern: 'x/+' }).confirmed])
    await first.close()
    const gaps: string[] = []
    client.on('gapOpened', ({ filter }) => gaps.push(filter))
    transport.cut()
    await until(() => transport.subscribed.length === 3)
    expect(transport.subscribed[2]).toMatchObject({ filter: 'b/x/+', again: true })
    await until(() => client.currentStatus.state === 'connected')
    expect(gaps).toEqual([])
  })

  it('are all confirmed where the client is connected, those too that were made while it was connecting', async () => {
    const transport = scriptedTransport()
    const confirmed = new Map<string, () => void>()
    const client = await open(transport)
    await client.channel('a').subscribe().confirmed
    transport.confirm = ({ filter }) => new Promise(resolve => confirmed.set(filter, resolve))
    transport.cut()
    await until(() => confirmed.has('a/#'))
    const late = client.channel('b').subscribe()
    await until(() => confirmed.has('b/#'))
    confirmed.get('a/#')!()
    await new Promise(resolve => setImmediate(resolve))
    expect(client.currentStatus.state).toBe('connecting')
    confirmed.get('b/#')!()
    await late.confirmed
    await until(() => client.currentStatus.state === 'connected')
  })

  it('one that is too much for the hub is told so; the others, and the connection, feel nothing', async () => {
    const transport = scriptedTransport()
    transport.confirm = async ({ filter }) => {
      if (filter !== 'a/#') throw new ThingmeshError('rate-limited', 'the session has 1 subscriptions, the limit is 1')
    }
    const client = await open(transport)
    const refused: string[] = []
    client.on('subscriptionRefused', ({ filter, error }) => refused.push(`${filter} ${error.code}`))
    await client.channel('a').subscribe().confirmed
    const second = client.channel('b').subscribe()
    expect(await rejection(second.confirmed)).toMatchObject({ code: 'rate-limited', retryable: true })
    expect(await rejection(second[Symbol.asyncIterator]().next())).toMatchObject({ code: 'rate-limited' })
    expect(refused).toEqual(['b/# rate-limited'])
    expect(client.currentStatus.state).toBe('connected')
    expect(transport.opened).toBe(1)
    // What it had, it does not lose for that.
    transport.confirm = () => Promise.reject(new ThingmeshError('rate-limited', 'not now'))
    transport.cut()
    await until(() => transport.opened > 2)
    transport.confirm = async () => undefined
    await until(() => client.currentStatus.state === 'connected')
    expect(refused).toEqual(['b/# rate-limited'])
  })

  it('one that the hub could not take for the moment is asked for again', async () => {
    const transport = scriptedTransport()
    const client = await open(transport)
    let asked = 0
    transport.confirm = async () => {
      if (++asked === 1) throw new ThingmeshError('unavailable', 'the hub is stopping')
    }
    await client.channel('a').subscribe().confirmed
    expect(transport.opened).toBe(2)
  })

  it('one with a callback is told of by an event where the hub ends it', async () => {
    const transport = scriptedTransport()
    const client = await open(transport)
    const refused: string[] = []
    client.on('subscriptionRefused', ({ filter, error }) => refused.push(`${filter} ${error.code}`))
    await client.channel('a').subscribe(() => undefined).confirmed
    transport.confirm = () => Promise.reject(new ThingmeshError('permission-denied', 'no right any more'))
    transport.cut()
    await until(() => refused.length > 0)
    expect(refused).toEqual(['a/# permission-denied'])
  })

  it('begin anew where they were left while there was no hub', async () => {
    const transport = scriptedTransport()
    const client = await open(transport)
    const left = client.channel('a').subscribe()
    await left.confirmed
    transport.answer = () => offline()
    transport.cut()
    await until(() => client.currentStatus.state === 'offline')
    await left.close()
    const anew = client.channel('a').subscribe()
    transport.answer = () => undefined
    await anew.confirmed
    expect(transport.unsubscribed).toEqual(['a/#'])
    expect(transport.subscribed.map(({ again }) => again)).toEqual([false, false])
  })

  it('share their messages among loops over the same one, and end them all', async () => {
    const transport = scriptedTransport()
    const client = await open(transport)
    const reader = client.channel('c').subscribe()
    await reader.confirmed
    const heard: unknown[] = []
    const loop = async (): Promise<void> => {
      for await (const { payload } of reader) heard.push(payload)
    }
    const loops = [loop(), loop()]
    for (const text of ['a', 'b', 'c']) void transport.subscribed[0]!.onMessage(message(text))
    await until(() => heard.length === 3)
    await reader.close()
    await Promise.all(loops)
    expect(heard).toEqual(['a', 'b', 'c'])
  })

  it('drop at-most-once messages for a reader that is too far behind, and say so; never the others', async () => {
    const transport = scriptedTransport()
    const client = await open(transport)
    let dropped = 0
    client.on('messageDropped', () => dropped++)
    const reader = client.channel('c').subscribe()
    await reader.confirmed
    for (let n = 0; n < 1_001; n++) void transport.subscribed[0]!.onMessage(message(String(n), 'at-most-once'))
    void transport.subscribed[0]!.onMessage(message('kept'))
    expect(dropped).toBe(1)
    let last: unknown
    for await (const { payload } of reader) {
      last = payload
      if (payload === 'kept') break
    }
    expect(last).toBe('kept')
  })

  it('a callback that throws is told of, and gets the next message', async () => {
    const transport = scriptedTransport()
    const client = await open(transport)
    const failures: unknown[] = []
    client.on('callbackFailed', ({ error }) => failures.push(error))
    const seen: unknown[] = []
    const subscription = client.channel('c').subscribe(({ payload }) => {
      seen.push(payload)
      if (payload === 'a') throw new Error('mine')
    })
    await subscription.confirmed
    await transport.subscribed[0]!.onMessage(message('a'))
    void transport.subscribed[0]!.onMessage(message('b'))
    await until(() => seen.length === 2)
    expect(failures).toEqual([new Error('mine')])
  })

  it('the signal ends a reader without an error', async () => {
    const transport = scriptedTransport()
    const client = await open(transport)
    const caller = new AbortController()
    const next = client.channel('c').subscribe({ signal: caller.signal })[Symbol.asyncIterator]().next()
    caller.abort()
    expect(await next).toEqual({ done: true, value: undefined })
    const aborted = client.channel('c').subscribe({ signal: AbortSignal.abort() })
    expect(await aborted[Symbol.asyncIterator]().next()).toEqual({ done: true, value: undefined })
  })

  it('refuses what is no channel and no pattern before anything is sent', async () => {
    const client = await open(scriptedTransport())
    expect(() => client.channel('a/b')).toThrow(expect.objectContaining({ code: 'invalid-argument' }))
    expect(() => client.channel('a').subscribe({ pattern: '#/b' })).toThrow(
      expect.objectContaining({ code: 'invalid-argument', outcome: 'not-sent' }),
    )
    expect(() => client.channel('a').publish(1, { subtopic: '+' })).toThrow(
      expect.objectContaining({ code: 'invalid-argument', outcome: 'not-sent' }),
    )
    expect(() => client.channel('a', { countMax: 0 })).toThrow(TypeError)
  })
})
