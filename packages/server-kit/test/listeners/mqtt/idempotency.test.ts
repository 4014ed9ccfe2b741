import type { PublishPacket, QoS } from '@thingmesh/core/mqtt'
import { describe, expect, it, vi } from 'vitest'
import { gatedStore } from '../../support/gated-store.ts'
import { startSite } from './fixture.ts'
import type { TestPeer } from './peer.ts'

const withKey = (key: string): Pick<PublishPacket, 'properties'> => ({
  properties: { userProperties: [['idempotency-key', key]] },
})

const say = (peer: TestPeer, text: string, key: string, qos: QoS = 1) =>
  peer.publish('telemetry/a', text, { qos, ...withKey(key) })

describe('an idempotency key in MQTT 5', () => {
  it('is a user property: what repeats it is acknowledged and goes nowhere, on any connection of its thing', async () => {
    const site = await startSite()
    const watcher = await site.connect(await site.thing('watcher'))
    await watcher.subscribe('telemetry/#', { qos: 2 })
    const thing = await site.thing('sensor')
    const peer = await site.connect(thing)
    expect(await say(peer, 'one', 'k')).toBe(0)
    expect(await say(peer, 'one', 'k')).toBe(0)
    expect(await say(peer, 'one', 'k', 2)).toBe(0)
    const again = await site.connect(thing)
    expect(await say(again, 'one', 'k')).toBe(0)
    expect(await say(again, 'two', 'l', 2)).toBe(0)
    expect(await say(again, 'two', 'l', 2)).toBe(0)
    expect(await watcher.texts(2)).toEqual(['one', 'two'])
    expect(await watcher.arrived()).toEqual([])
  })

  it('is passed on like other user properties', async () => {
    const site = await startSite()
    const peer = await site.connect(await site.thing('sensor'))
    await peer.subscribe('telemetry/#', { qos: 1 })
    await say(peer, 'one', 'k')
    expect((await peer.take('publish')).properties?.userProperties).toEqual([['idempotency-key', 'k']])
  })

  it('that is none is refused, and the connection stands', async () => {
    const site = await startSite()
    const peer = await site.connect(await site.thing('sensor'))
    expect(await say(peer, 'one', 'k'.repeat(65))).toBeGreaterThanOrEqual(0x80)
    expect(await say(peer, 'one', 'k'.repeat(64))).toBe(0)
  })

  it('means nothing in a will, which is said again each time', async () => {
    const site = await startSite()
    const watcher = await site.connect(await site.thing('watcher'))
    await watcher.subscribe('telemetry/#', { qos: 1 })
    const thing = await site.thing('sensor')
    const will = { topic: 'telemetry/will', payload: Buffer.from('gone'), qos: 1, retain: false } as const
    for (let i = 0; i < 2; i++) {
      const peer = await site.connect(thing, { will: { ...will, ...withKey('k') } })
      peer.cut()
      expect(await watcher.texts(1)).toEqual(['gone'])
    }
  })

  it('does not let a repeat be answered before what was published before it', async () => {
    const store = gatedStore()
    const site = await startSite({ store })
    const peer = await site.connect(await site.thing('sensor'))
    await say(peer, 'old', 'k')
    store.hold()
    peer.socket.cork()
    const ids = [
      peer.sendPublish('telemetry/a', 'new'),
      peer.sendPublish('telemetry/a', 'old', withKey('k')),
      peer.sendPublish('telemetry/a', 'newer'),
    ]
    peer.socket.uncork()
    await vi.waitFor(() => expect(site.counter('thingmesh_messages_repeated_total')).toBe(1))
    store.release()
    for (const id of ids) expect(await peer.takeAnswer('puback', id)).toBe(0)
  })
})
