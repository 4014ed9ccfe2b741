import { Code, OptionNumber, uintOption } from '@thingmesh/core/coap'
import { describe, expect, it, onTestFinished, vi } from 'vitest'
import { memoryStore } from '../../../src/store/memory/index.ts'
import { gatedStore } from '../../support/gated-store.ts'
import { textOf as messageText, take } from '../../support/hub.ts'
import { startSite } from './fixture.ts'
import { textOf, uintOf } from './peer.ts'

/*
 * What is asked again in the same words takes a shorter way through the hub. It has to mean the same there.
 */

const { contentFormat, maxAge, accept } = OptionNumber
const path = '/c/telemetry/a'

/** Counts how often last values are fetched from it. */
function countingStore() {
  const store = memoryStore()
  const fetched = vi.spyOn(store.retained, 'match')
  return { store, fetched: () => fetched.mock.calls.length }
}

describe('a last value that is read again', () => {
  it('comes from the store once, for everybody who may have it', async () => {
    const { store, fetched } = countingStore()
    const site = await startSite({ store })
    const [a, b] = [await site.peer(await site.thing('a')), await site.peer(await site.thing('b'))]
    await a.ask({ code: Code.put, path, payload: '1' })
    for (let i = 0; i < 3; i++) for (const peer of [a, b]) expect(textOf(await peer.ask({ path }))).toBe('1')
    expect(fetched()).toBe(1)
    const blind = await site.peer(await site.thing('blind', ['publish']))
    for (let i = 0; i < 2; i++) expect(await blind.codeOf({ path })).toBe('4.03')
  })

  it('is always the last one, whichever door it came by', async () => {
    const site = await startSite()
    const sensor = await site.thing('sensor')
    const peer = await site.peer(sensor)
    const witness = await site.witness(sensor)
    for (const payload of ['1', '2', '3']) {
      await peer.ask({ code: Code.put, path, payload })
      for (let i = 0; i < 2; i++) expect(textOf(await peer.ask({ path }))).toBe(payload)
    }
    await witness.publish('telemetry/a', '4', { retain: true })
    expect(textOf(await peer.ask({ path }))).toBe('4')
    await peer.ask({ code: Code.delete, path })
    for (let i = 0; i < 2; i++) expect(await peer.codeOf({ path })).toBe('4.04')
  })

  it('is not the one that waits for the store, nor one that the store refused', async () => {
    const store = gatedStore()
    const site = await startSite({ store })
    const sensor = await site.thing('sensor')
    const [peer, writer] = [await site.peer(sensor), await site.peer(sensor)]
    await peer.ask({ code: Code.put, path, payload: '1' })
    for (let i = 0; i < 2; i++) expect(textOf(await peer.ask({ path }))).toBe('1')
    store.failNext()
    expect(await writer.codeOf({ code: Code.put, path, payload: '2' })).toBe('5.03')
    expect(textOf(await peer.ask({ path }))).toBe('1')
    store.hold()
    writer.tell({ code: Code.put, path, payload: '3' })
    await vi.waitFor(() => expect(store.held).toBe(1))
    peer.tell({ path })
    store.release()
    expect(textOf(await peer.take())).toBe('3')
  })

  it('is gone when its time is over', async () => {
    vi.useFakeTimers({ toFake: ['Date'] })
    onTestFinished(() => void vi.useRealTimers())
    const site = await startSite()
    const peer = await site.peer(await site.thing('sensor'))
    await peer.ask({ code: Code.put, path, payload: '1', options: [uintOption(maxAge, 60)] })
    expect(uintOf(await peer.ask({ path }), maxAge)).toBe(60)
    vi.setSystemTime(Date.now() + 20_000)
    for (let i = 0; i < 2; i++) expect(uintOf(await peer.ask({ path }), maxAge)).toBe(40)
    vi.setSystemTime(Date.now() + 40_000)
    for (let i = 0; i < 2; i++) expect(await peer.codeOf({ path })).toBe('4.04')
  })

  it('is for nobody who lost the right to it, or his key', async () => {
    const site = await startSite()
    const peer = await site.peer(await site.thing('sensor', []))
    const writer = await site.peer(await site.thing('writer'))
    const { grants, keys } = site.hub.control
    const grant = await grants.create({ thing: 'sensor', channel: 'telemetry', actions: ['read'] })
    await writer.ask({ code: Code.put, path, payload: '1' })
    for (let i = 0; i < 2; i++) expect(await peer.codeOf({ path })).toBe('2.05')
    await grants.remove(grant.id)
    for (let i = 0; i < 2; i++) expect(await peer.codeOf({ path })).toBe('4.03')
    const [key] = await keys.list('writer')
    expect(await writer.codeOf({ path })).toBe('2.05')
    await keys.revoke('writer', key!.id)
    for (let i = 0; i < 2; i++) expect(await writer.codeOf({ path })).toBe('4.01')
  })

  it('is told in the format that is asked for, or not at all', async () => {
    const site = await startSite()
    const peer = await site.peer(await site.thing('sensor'))
    await peer.ask({ code: Code.put, path, payload: '1', options: [uintOption(contentFormat, 50)] })
    for (let i = 0; i < 3; i++) {
      expect(await peer.codeOf({ path, options: [uintOption(accept, 50)] })).toBe('2.05')
      expect(await peer.codeOf({ path, options: [uintOption(accept, 60)] })).toBe('4.06')
    }
  })

  it('takes no more memory than it may', async () => {
    const { store, fetched } = countingStore()
    const site = await startSite({ store, limits: { lastValuesBytesMax: 1_000 } })
    const peer = await site.peer(await site.thing('sensor'))
    const paths = ['/c/telemetry/a', '/c/telemetry/b', '/c/telemetry/c']
    for (const each of paths) await peer.ask({ code: Code.put, path: each, payload: 'x'.repeat(200) })
    for (const each of paths) expect(await peer.codeOf({ path: each })).toBe('2.05')
    expect(site.counter('last_values_bytes')).toBeGreaterThan(0)
    expect(site.counter('last_values_bytes')).toBeLessThanOrEqual(1_000)
    expect(await peer.codeOf({ path: '/c/telemetry/c' })).toBe('2.05')
    expect(fetched()).toBe(3)
    expect(await peer.codeOf({ path: '/c/telemetry/a' })).toBe('2.05')
    expect(fetched()).toBe(4)
  })
})

describe('what is published again in the same words', () => {
  it('is a message each time, with all that the first one had; PUT and POST stay two things', async () => {
    const site = await startSite()
    const sensor = await site.thing('sensor')
    const peer = await site.peer(sensor)
    const witness = await site.witness(sensor)
    const options = [uintOption(contentFormat, 50), uintOption(maxAge, 60)]
    for (const code of [Code.post, Code.put, Code.post]) {
      expect((await peer.ask({ code, path, payload: String(code), options })).code).toBe(Code.changed)
    }
    const asked = { type: 'non-confirmable', code: Code.post, path, payload: 'non', options } as const
    expect(await peer.ask(asked)).toMatchObject({ type: 'non-confirmable', code: Code.changed })
    const messages = await take(witness, 4)
    const common = {
      contentType: 'application/json',
      properties: { expiresInSeconds: 60 },
      publisher: messages[0]!.publisher,
    }
    for (const message of messages) expect(message).toMatchObject(common)
    expect(messages.map(messageText)).toEqual(['2', '3', '2', 'non'])
    expect(messages.map(({ delivery }) => delivery)).toEqual([...Array(3).fill('at-least-once'), 'at-most-once'])
    expect(textOf(await peer.ask({ path }))).toBe('3')
  })

  it('is refused by the store, or by the hub, as the first would be', async () => {
    const store = gatedStore()
    const site = await startSite({ store })
    const peer = await site.peer(await site.thing('sensor'))
    const post = { code: Code.post, path, payload: 'x' }
    expect(await peer.codeOf(post)).toBe('2.04')
    store.failNext()
    expect(await peer.codeOf(post)).toBe('5.03')
    expect(await peer.codeOf(post)).toBe('2.04')
    await site.hub.control.channels.update('telemetry', { enabled: false })
    expect(await peer.codeOf(post)).toBe('4.03')
    expect(store.appended()).toBe(2)
  })

  it('of an unknown format is refused each time, and says nothing in a GET', async () => {
    const site = await startSite()
    const peer = await site.peer(await site.thing('sensor'))
    await peer.ask({ code: Code.put, path, payload: 'x' })
    const unknown = { path, options: [uintOption(contentFormat, 65_000)] }
    for (let i = 0; i < 2; i++) {
      expect(await peer.codeOf({ ...unknown, code: Code.post, payload: 'x' })).toBe('4.15')
      expect(await peer.codeOf(unknown)).toBe('2.05')
    }
  })

  it('from another thing at the same address is weighed by its own rights', async () => {
    const site = await startSite()
    const [a, b] = [await site.peer(await site.thing('a')), await site.peer(await site.thing('b', ['read']))]
    const post = { code: Code.post, path, payload: 'x' }
    for (let i = 0; i < 2; i++) {
      expect(await a.codeOf(post)).toBe('2.04')
      expect(await b.codeOf(post)).toBe('4.03')
    }
  })

  it('is known by every byte of its key', async () => {
    const site = await startSite()
    const thing = await site.thing('sensor')
    const peer = await site.peer()
    const publish = (key: string) => peer.codeOf({ code: Code.post, path, payload: 'x', query: [`auth=${key}`] })
    for (let i = 0; i < 4; i++) expect(await publish(thing.key)).toBe('2.04')
    for (let at = 0; at < thing.key.length; at += 6) {
      const other = thing.key[at] === 'A' ? 'B' : 'A'
      expect(await publish(thing.key.slice(0, at) + other + thing.key.slice(at + 1))).toBe('4.01')
      expect(await publish(thing.key)).toBe('2.04')
    }
    const [key] = await site.hub.control.keys.list('sensor')
    await site.hub.control.keys.revoke('sensor', key!.id)
    for (let i = 0; i < 2; i++) expect(await publish(thing.key)).toBe('4.01')
  })

  it('is the same when so much else was asked that it had to be forgotten', async () => {
    const site = await startSite()
    const thing = await site.thing('sensor')
    const [peer, busy] = [await site.peer(thing), await site.peer(thing)]
    await peer.ask({ code: Code.put, path, payload: '1' })
    for (let i = 0; i < 3; i++) expect(textOf(await peer.ask({ path }))).toBe('1')
    for (let i = 0; i < 4_200; i += 50) {
      const others = Array.from({ length: 50 }, (_, k) => ({ code: Code.post, path: `${path}/${i + k}`, payload: 'x' }))
      await Promise.all(others.map(other => busy.ask(other)))
    }
    for (const payload of ['2', '3']) {
      await peer.ask({ code: Code.put, path, payload })
      for (let i = 0; i < 3; i++) expect(textOf(await peer.ask({ path }))).toBe(payload)
    }
  })
})
