import { describe, expect, it, vi } from 'vitest'
import { memoryStore } from '../../src/store/memory/index.ts'
import { gatedStore } from '../support/gated-store.ts'
import { bytes, startHub, textOf } from '../support/hub.ts'

async function startSite(options: Parameters<typeof startHub>[0] = {}) {
  const site = await startHub(options)
  const secret = await site.thing('sensor')
  const writer = await site.connect(secret)
  const log = async () => (await writer.read({ filter: 'telemetry/#', limit: 1000 })).messages.map(textOf)
  const say = (text: string, key?: string) => writer.publish('telemetry/a', bytes(text), { key })
  return { ...site, secret, writer, log, say }
}

describe('a draft under an idempotency key', () => {
  it('is accepted once, whatever is in what repeats it', async () => {
    const { writer, log, say, counter } = await startSite()
    const first = await say('one', 'k')
    expect(await say('one', 'k')).toEqual(first)
    expect(await say('two', 'k')).toEqual(first)
    expect(await writer.publish('telemetry/b', bytes('three'), { key: 'k' })).toEqual(first)
    expect(await writer.publish('telemetry/a', bytes('four'), { key: 'k', delivery: 'exactly-once' })).toEqual(first)
    expect(await say('five', 'other')).not.toEqual(first)
    expect(await log()).toEqual(['one', 'five'])
    expect(counter('thingmesh_messages_in_total')).toBe(2)
    expect(counter('thingmesh_messages_repeated_total')).toBe(4)
    expect(counter('thingmesh_idempotency_keys')).toBe(2)
  })

  it('is its publisher’s own, on every connection of his, and means nothing to others', async () => {
    const { hub, thing, connect, secret, say, log } = await startSite()
    const first = await say('one', 'k')
    const again = await connect(secret)
    expect(await again.publish('telemetry/a', bytes('two'), { key: 'k' })).toEqual(first)
    const other = await connect(await thing('other'))
    expect(await other.publish('telemetry/a', bytes('three'), { key: 'k' })).not.toEqual(first)
    expect(await log()).toEqual(['one', 'three'])
    await hub.control.things.remove('other')
  })

  it('is answered when the first one is on disk, and refused with it', async () => {
    const store = gatedStore()
    const { say, log } = await startSite({ store })
    store.hold()
    const answers: string[] = []
    const both = [1, 2].map(n => say('one', 'k').then(() => answers.push(`${n}`)))
    await vi.waitFor(() => expect(store.held).toBe(1))
    expect(answers).toEqual([])
    store.release()
    await Promise.all(both)

    store.hold()
    const refused = [say('two', 'l'), say('two', 'l')]
    await vi.waitFor(() => expect(store.held).toBe(1))
    store.failNext()
    store.release()
    for (const one of await Promise.allSettled(refused)) {
      expect(one).toMatchObject({ status: 'rejected', reason: { code: 'unavailable', retryable: true } })
    }
    // What the store refused was not published: the key is free.
    await say('three', 'l')
    expect(await log()).toEqual(['one', 'three'])
  })

  it('takes the right to publish, also where it repeats', async () => {
    const { hub, writer, say, log } = await startSite()
    await say('one', 'k')
    const [grant] = (await hub.control.grants.list()).items
    await hub.control.grants.update(grant!.id, { actions: ['read'] })
    await expect(say('one', 'k')).rejects.toMatchObject({ code: 'permission-denied' })
    await expect(writer.publish('nowhere/a', bytes('one'), { key: 'k' })).rejects.toMatchObject({
      code: 'permission-denied',
    })
    expect(await log()).toEqual(['one'])
  })

  it.each(['', 'k'.repeat(65), 'tab\t', 'é', 'line\n'])('is refused where the key is none: %j', async key => {
    const { say, log } = await startSite()
    await expect(say('one', key)).rejects.toMatchObject({ code: 'invalid-argument' })
    expect(await log()).toEqual([])
    await say('two', '~ '.repeat(32))
  })

  it('is like any other with at-most-once, which promises nothing', async () => {
    const { writer, log } = await startSite()
    for (let i = 0; i < 2; i++) {
      expect(await writer.publish('telemetry/a', bytes('x'), { key: 'k', delivery: 'at-most-once' })).toEqual({})
    }
    await vi.waitFor(async () => expect(await log()).toEqual(['x', 'x']))
  })

  it('is remembered where the channel records nothing', async () => {
    const { hub, say, counter } = await startSite()
    await hub.control.channels.update('telemetry', { record: 'none' })
    const first = await say('one', 'k')
    expect(await say('two', 'k')).toEqual(first)
    expect(counter('thingmesh_messages_in_total')).toBe(1)
  })
})

describe('idempotency keys', () => {
  it('give way, oldest first, to newer ones of their publisher', async () => {
    const store = memoryStore()
    const { say, log, counter, thing, connect } = await startSite({ store, limits: { keysPerPublisherMax: 3 } })
    const other = await connect(await thing('other'))
    await other.publish('telemetry/a', bytes('x'), { key: 'k' })
    for (let i = 0; i < 5; i++) await say(String(i), `k${i}`)
    expect(counter('thingmesh_idempotency_keys')).toBe(4)
    expect(counter('thingmesh_idempotency_keys_forgotten_total', { limit: 'keys-per-publisher' })).toBe(2)
    // To repeat one does not make it younger.
    for (const n of [2, 3, 4]) await say('again', `k${n}`)
    await say('5', 'k5')
    await say('2 anew', 'k2')
    expect(await log()).toEqual(['x', '0', '1', '2', '3', '4', '5', '2 anew'])
    await other.publish('telemetry/a', bytes('x'), { key: 'k' })
    // What the store has of it goes with the next key.
    expect((await store.keys.load()).map(({ key }) => key)).toEqual(['k', 'k3', 'k4', 'k5', 'k2'])
  })

  it('go from the store a quarter of a publisher’s keys at a time', async () => {
    const store = memoryStore()
    const { say } = await startSite({ store, limits: { keysPerPublisherMax: 8 } })
    for (let i = 0; i < 10; i++) await say(String(i), `k${i}`)
    expect(await store.keys.load()).toHaveLength(10)
    await say('10', 'k10')
    expect((await store.keys.load()).map(({ key }) => key)).toEqual(Array.from({ length: 9 }, (_, i) => `k${i + 2}`))
  })

  it('give way, oldest first, to those of others where there are too many in all', async () => {
    const { say, log, counter, thing, connect } = await startSite({ limits: { keysMax: 3 } })
    const other = await connect(await thing('other'))
    const tell = (text: string, key: string) => other.publish('telemetry/a', bytes(text), { key })
    await say('1', 'a')
    await tell('2', 'a')
    await say('3', 'b')
    await say('4', 'c')
    expect(counter('thingmesh_idempotency_keys')).toBe(3)
    expect(counter('thingmesh_idempotency_keys_forgotten_total', { limit: 'keys' })).toBe(1)
    await tell('again', 'a')
    await say('5', 'a')
    await tell('6', 'a')
    expect(await log()).toEqual(['1', '2', '3', '4', '5', '6'])
  })

  it('are not driven out by what the store refuses', async () => {
    const store = gatedStore()
    const { say, log } = await startSite({ store, limits: { keysPerPublisherMax: 2 } })
    await say('1', 'a')
    await say('2', 'b')
    for (let i = 0; i < 10; i++) {
      store.failNext()
      await expect(say('lost', `x${i}`)).rejects.toMatchObject({ code: 'unavailable' })
    }
    await say('again', 'a')
    await say('again', 'b')
    await say('3', 'c')
    store.failNext()
    await expect(say('lost', 'y')).rejects.toMatchObject({ code: 'unavailable' })
    await say('4', 'd')
    expect(await log()).toEqual(['1', '2', '3', '4'])
    // Also what the refused batch would have let go has gone by now.
    expect((await store.keys.load()).map(({ key }) => key)).toEqual(['b', 'c', 'd'])
  })

  it('are as few as they may be after a start with lower limits', async () => {
    const store = memoryStore()
    const before = await startSite({ store })
    for (let i = 0; i < 10; i++) await before.say(String(i), `k${i}`)
    await before.hub.stop()
    const { connect, counter } = await startHub({ store, limits: { keysPerPublisherMax: 4 } })
    expect(counter('thingmesh_idempotency_keys')).toBe(4)
    const writer = await connect(before.secret)
    await writer.publish('telemetry/a', bytes('again'), { key: 'k6' })
    await writer.publish('telemetry/a', bytes('5 anew'), { key: 'k5' })
    expect((await store.keys.load()).map(({ key }) => key)).toEqual(['k6', 'k7', 'k8', 'k9', 'k5'])
  })

  it('cost a publisher who uses a new one each time no more the longer he does', async () => {
    const { writer, counter } = await startSite({ limits: { keysPerPublisherMax: 50, keysMax: 60 } })
    for (let round = 0; round < 20; round++) {
      const many = Array.from({ length: 250 }, (_, i) =>
        writer.publish('telemetry/a', bytes('x'), { key: `${round}.${i}` }),
      )
      await Promise.all(many)
    }
    expect(counter('thingmesh_idempotency_keys')).toBe(50)
    expect(counter('thingmesh_messages_in_total')).toBe(5000)
  })
})
