import { describe, expect, it, vi } from 'vitest'
import type { MemoryConnection } from '../../src/listeners/memory/index.ts'
import { gatedStore } from '../support/gated-store.ts'
import { bytes, startHub, take, textOf } from '../support/hub.ts'

const numbers = (count: number) => Array.from({ length: count }, (_, i) => String(i))

async function publishAll(writer: MemoryConnection, texts: readonly string[], topic = 'telemetry/a'): Promise<void> {
  await Promise.all(texts.map(text => writer.publish(topic, bytes(text))))
}

describe('a session that reads the log', () => {
  it('is given what it subscribes to while a page is under way', async () => {
    const { thing, connect } = await startHub()
    const secret = await thing('sensor')
    const writer = await connect(secret)
    const options = { clientId: 'reader', expiresInSeconds: 60 }
    const reader = await connect(secret, options)
    await reader.subscribe('telemetry/a')
    await reader.close()
    await publishAll(writer, ['a0'])
    const back = await connect(secret, options)
    // The page is being read since the connection; what follows is published before it is there.
    const subscribed = back.subscribe('telemetry/b')
    const published = publishAll(writer, ['b0'], 'telemetry/b')
    await Promise.all([subscribed, published])
    expect((await take(back, 2)).map(textOf)).toEqual(['a0', 'b0'])
  })

  it('finds what it needs in a channel that records nothing, though it is to be forgotten with its connection', async () => {
    const { hub, thing, connect } = await startHub({
      limits: { queueMessagesMax: 5, windowMax: 2, pruneIntervalMs: 20 },
    })
    await hub.control.channels.update('telemetry', { record: 'none' })
    const secret = await thing('sensor')
    const reader = await connect(secret, { queueMax: 2 })
    await reader.subscribe('telemetry/#')
    const pruned = vi.waitFor(() => expect(reader.waiting).toBeGreaterThan(0))
    await publishAll(await connect(secret), numbers(100))
    await pruned
    // Several rounds of retention go by while the reader is at its beginning.
    for (const text of numbers(100)) {
      expect(textOf((await take(reader, 1))[0]!)).toBe(text)
      if (Number(text) % 25 === 0) await new Promise(resolve => setTimeout(resolve, 25))
    }
  })

  it('goes on doing so when the hub was stopped and started', async () => {
    const { hub, thing, connect } = await startHub()
    const secret = await thing('sensor')
    const options = { clientId: 'reader', expiresInSeconds: 60 }
    const reader = await connect(secret, options)
    await reader.subscribe('telemetry/#')
    await reader.close()
    await publishAll(await connect(secret), ['before'])
    await hub.stop()
    await hub.start()
    const back = await connect(secret, options)
    expect(back.resumed).toBe(true)
    await publishAll(await connect(secret), ['after'])
    expect((await take(back, 2)).map(textOf)).toEqual(['before', 'after'])
  })
})

describe('a right that ends', () => {
  it('ends for who waits for a message', async () => {
    const { hub, thing, connect } = await startHub()
    const secret = await thing('sensor')
    const other = await thing('other')
    const reader = await connect(secret)
    const waiting = reader.read({ filter: 'telemetry/#', waitMs: 20_000 })
    const refused = expect(waiting).rejects.toMatchObject({ code: 'canceled' })
    await hub.control.things.remove('sensor')
    await publishAll(await connect(other), ['secret'])
    await refused
  })

  it('ends for wills, also of tokens, whose rights are not in the registry', async () => {
    const { hub, connect } = await startHub()
    const token = await hub.control.tokens.create({ name: 'app', scope: { channels: ['telemetry'] } })
    const session = await hub.ingress.open({
      protocol: 'test',
      credential: { kind: 'token', token: token.secret },
      peer: { address: 'test' },
      clientId: 'app',
      outlet: { deliver: () => true, release: () => undefined, revoke: () => undefined, close: () => undefined },
      will: {
        draft: {
          topic: 'telemetry/will',
          payload: bytes('x'),
          contentType: '',
          delivery: 'at-least-once',
          retain: true,
        },
      },
    })
    expect(session.principal.kind).toBe('user')
    await hub.control.tokens.revoke(token.id)
    const admin = await connect(hub.adminToken!)
    expect((await admin.read({ filter: 'telemetry/#' })).messages).toEqual([])
    expect(await admin.latest('telemetry/#')).toEqual([])
  })

  it('is not what hides the newest messages that one may read', async () => {
    const { hub, thing, connect } = await startHub()
    const writer = await connect(await thing('sensor'))
    const secret = await thing('reader', [])
    await hub.control.grants.create({ thing: 'reader', channel: 'telemetry', actions: ['read'], pattern: 'mine/#' })
    await publishAll(writer, numbers(5), 'telemetry/mine/a')
    await publishAll(writer, numbers(300), 'telemetry/theirs')
    const reader = await connect(secret)
    const page = await reader.read({ filter: 'telemetry/#', newest: true, limit: 2 })
    expect(page.messages.map(textOf)).toEqual(['3', '4'])
  })
})

describe('a last value', () => {
  it('that the store did not write is not the last value', async () => {
    const store = gatedStore()
    const { thing, connect } = await startHub({ store })
    const secret = await thing('sensor')
    const writer = await connect(secret)
    await writer.publish('telemetry/a', bytes('old'), { retain: true })
    store.failNext()
    await expect(writer.publish('telemetry/a', bytes('new'), { retain: true })).rejects.toMatchObject({
      code: 'unavailable',
    })
    const reader = await connect(secret)
    await reader.subscribe('telemetry/#')
    expect((await take(reader, 1)).map(textOf)).toEqual(['old'])
  })

  it('that went out at most once is there for who subscribes before it is written', async () => {
    const store = gatedStore()
    const { thing, connect } = await startHub({ store })
    const secret = await thing('sensor')
    const writer = await connect(secret)
    store.hold()
    await writer.publish('telemetry/a', bytes('value'), { retain: true, delivery: 'at-most-once' })
    const reader = await connect(secret)
    await reader.subscribe('telemetry/#')
    await vi.waitFor(() => expect(store.held).toBe(1))
    store.release()
    expect((await take(reader, 1)).map(textOf)).toEqual(['value'])
  })
})

describe('what cannot be carried', () => {
  it.each([
    ['an unpaired surrogate', { contentType: '\ud800' }],
    ['a fraction of a second', { properties: { expiresInSeconds: 1.5 } }],
    ['a correlation of 70,000 bytes', { properties: { correlation: new Uint8Array(70_000) } }],
    ['a header that is too long', { properties: { headers: [['name', 'x'.repeat(70_000)]] as const } }],
  ])('%s: is refused at the door', async (_, options) => {
    const { thing, connect } = await startHub()
    const writer = await connect(await thing('sensor'))
    await expect(writer.publish('telemetry/a', bytes('x'), options)).rejects.toMatchObject({ code: 'invalid-argument' })
    expect((await writer.read({ filter: 'telemetry/#' })).messages).toEqual([])
  })

  it('a payload that is neither text nor bytes is the mistake of the program', async () => {
    const { thing, connect } = await startHub()
    const writer = await connect(await thing('sensor'))
    await expect(writer.publish('telemetry/a', 7 as unknown as string)).rejects.toThrow(TypeError)
    await writer.publish('telemetry/a', 'text')
    expect((await writer.read({ filter: 'telemetry/#' })).messages.map(textOf)).toEqual(['text'])
  })
})

it('a receiver that fails costs nobody else a message', async () => {
  const faults: string[] = []
  const { hub, thing, connect } = await startHub({ onFault: (_, { part }) => faults.push(part) })
  const secret = await thing('sensor')
  const broken = await hub.ingress.open({
    protocol: 'test',
    credential: { kind: 'key', secret },
    peer: { address: 'test' },
    clientId: 'broken',
    outlet: {
      deliver: () => {
        throw new Error('broken')
      },
      release: () => undefined,
      revoke: () => undefined,
      close: () => undefined,
    },
  })
  broken.resume()
  await broken.subscribe([{ filter: 'telemetry/#', delivery: 'at-least-once' }])
  const healthy = await connect(secret)
  await healthy.subscribe('telemetry/#')
  await publishAll(healthy, numbers(10))
  expect((await take(healthy, 10)).map(textOf)).toEqual(numbers(10))
  expect(faults).toContain('router')
})
