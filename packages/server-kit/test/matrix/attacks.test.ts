import { afterAll, afterEach, beforeAll, describe, expect, it, vi } from 'vitest'
import { bytes } from '../support/hub.ts'
import type { Client, Who } from './door.ts'
import { doorNames, openScene, type Scene } from './scene.ts'

/**
 * Classes of attacks that were tried on brokers in use, crossed with every door: getting in without a key, reaching what
 * one has no right to, and names that mean something elsewhere. Each time nothing is stored or told that should not be,
 * and others notice nothing. What is done with the bytes of one protocol is in the tests of its listener.
 */

const said = (topic: string, payload: Uint8Array = bytes('forged')) => ({
  topic,
  payload,
  contentType: 'application/octet-stream',
  expiresInSeconds: 600,
})

let count = 0
/** A name that no other test has. */
const fresh = (name: string) => `${name}-${count++}`

/** A scene for the tests of a block; whatever they do, others notice nothing. */
function shareScene(): () => Scene {
  let scene: Scene
  beforeAll(async () => {
    scene = await openScene()
  })
  afterEach(async () => {
    await scene.operator.publish('aside/here', 'still here')
    expect(scene.faults).toEqual([])
  })
  afterAll(() => scene?.close())
  return () => scene
}

async function storedBy({ operator }: Scene, publisher: string): Promise<readonly string[]> {
  const { messages } = await operator.read({ filter: 'telemetry/#', publisher, limit: 1_000 })
  return messages.map(({ topic }) => topic)
}

function textsHeard({ heard }: Client): readonly string[] {
  return heard.map(({ payload }) => new TextDecoder().decode(payload))
}

/** What is shown instead of a good name and key. */
const credentials: readonly (readonly [string, (who: Who) => Who])[] = [
  ['nothing', () => ({ thing: '', key: '' })],
  // CVE-2018-12551: blank lines of a password file let in whoever named them.
  ['blanks', () => ({ thing: ' ', key: ' ' })],
  ['a name as the key', ({ thing }) => ({ thing, key: thing })],
  ['a key that lacks its last character', ({ thing, key }) => ({ thing, key: key.slice(0, -1) })],
  ['a key in capitals', ({ thing, key }) => ({ thing, key: key.toUpperCase() })],
  ['words of JavaScript’s', () => ({ thing: 'constructor', key: '__proto__' })],
  ['a key with a filter behind it', ({ thing, key }) => ({ thing: `${thing}/#`, key: `${key}+#` })],
  ['the text of a query', ({ thing }) => ({ thing, key: "' OR ''='" })],
]

// A hub for each door: what guesses on one is slowed down on all.
describe.each(doorNames)('over %s', name => {
  const shared = shareScene()

  it.each(credentials)('who shows %s gets nothing in and nothing out', async (_what, showing) => {
    const scene = shared()
    const door = scene.door(name)
    const owner = await scene.thing(fresh('owner'), ['telemetry'])
    const topic = `telemetry/${fresh('nobody')}`
    const client = await scene.open(door, showing(owner)).catch(() => undefined)
    await client?.listen('telemetry').catch(() => false)
    await client?.publish(said(topic)).catch(() => undefined)
    expect((await scene.operator.read({ filter: topic, limit: 10 })).messages).toEqual([])
    // The one that is let in hears what comes now; the other would have heard it too.
    const witness = await scene.open(door, owner)
    expect(await witness.listen('telemetry')).toBe(true)
    await scene.operator.publish(topic, 'secret')
    await vi.waitFor(() => expect(textsHeard(witness)).toContain('secret'), { interval: 5 })
    expect(client?.heard ?? []).toEqual([])
  })
})

describe.each(doorNames)('over %s', name => {
  const shared = shareScene()

  it.each([
    'telemetry/yours/a',
    'telemetry/mines',
    'telemetry',
    'telemetry/mine/../yours',
    'secret/a',
    '$SYS/a',
    'mine/a',
  ])('a publish to %s, which the grants do not have, is not stored', async topic => {
    const scene = shared()
    const narrow = await scene.thing(fresh('narrow'), ['telemetry'], 'mine/#')
    const client = await scene.open(scene.door(name), narrow)
    await client.publish(said(topic)).catch(() => undefined)
    // Two dots are a level like another, where nothing on the way resolves them.
    const beyond = (one: string) => !one.startsWith('telemetry/mine/')
    expect((await storedBy(scene, `thing:${narrow.id}`)).filter(beyond)).toEqual([])
  })

  it.each(['telemetry', '+', '$SYS', '$share/g/secret', 'secret'])(
    'a subscription to %s/# brings what the grants have, and no more',
    async channel => {
      const scene = shared()
      const { operator } = scene
      const narrow = await scene.thing(fresh('narrow'), ['telemetry'], 'mine/#')
      const client = await scene.open(scene.door(name), narrow)
      await operator.publish('telemetry/mine/last', 'mine', { retain: true })
      await operator.publish('telemetry/yours/last', 'yours', { retain: true })
      const isListening = await client.listen(channel).catch(() => false)
      await operator.publish('telemetry/yours/a', 'yours')
      await operator.publish('telemetry/mine/a', `mine ${channel}`)
      if (isListening && (channel === 'telemetry' || channel === '+')) {
        await vi.waitFor(() => expect(textsHeard(client)).toContain(`mine ${channel}`), { interval: 5 })
      }
      expect(textsHeard(client).filter(text => !text.startsWith('mine'))).toEqual([])
    },
  )

  /** Words that mean something to a bus, a database, a shell, a log or JavaScript. */
  const words = [
    '__proto__',
    'constructor',
    'toString',
    "'; DROP TABLE segment; --",
    'a.b.*',
    '>',
    '*',
    '$(reboot)',
    '%2e',
  ]

  it.each(words)('the name %s is a name', async word => {
    const scene = shared()
    const thing = await scene.thing(fresh('speaker'), ['telemetry'])
    const client = await scene.open(scene.door(name), thing)
    await client.publish(said(`telemetry/${word}`))
    await expect.poll(() => storedBy(scene, `thing:${thing.id}`)).toEqual([`telemetry/${word}`])
  })

  it.each(['a\r\nPUB x 1\r\nb', 'a\nb', 'a\0b', '\u001b[2J', 'a\u0085b', '\ufeff', '+', '#', 'a/'.repeat(200)])(
    'the name %j is none',
    async word => {
      const scene = shared()
      const thing = await scene.thing(fresh('speaker'), ['telemetry'])
      const client = await scene.open(scene.door(name), thing)
      await client.publish(said(`telemetry/${word}`)).catch(() => undefined)
      expect(await storedBy(scene, `thing:${thing.id}`)).toEqual([])
    },
  )

  it('a payload that is too large is no message', async () => {
    const scene = shared()
    const thing = await scene.thing(fresh('speaker'), ['telemetry'])
    const client = await scene.open(scene.door(name), thing)
    // CoAP takes no more at once than one datagram.
    const bytesMax = scene.door(name).protocol === 'coap' ? 1_152 : 262_144
    await client.publish(said('telemetry/large', new Uint8Array(bytesMax + 1_000))).catch(() => undefined)
    expect(await storedBy(scene, `thing:${thing.id}`)).toEqual([])
  })
})
