import { describe, expect, it, vi } from 'vitest'
import type { Store } from '../../../src/contracts/index.ts'
import { memoryStore } from '../../../src/store/memory/index.ts'
import { levels, startSite } from './fixture.ts'
import { textOf } from './peer.ts'

/** A store that tells how many pages of last values were asked for. */
function counted(): Store & { readonly pages: () => number } {
  const store = memoryStore()
  const { retained } = store
  let pages = 0
  return {
    ...store,
    retained: {
      topics: () => retained.topics(),
      match: (...args) => {
        pages += 1
        return retained.match(...args)
      },
    },
    pages: () => pages,
  }
}

const pageMessages = 32
const valueBytes = 1_000
/** What a message weighs beside its payload. */
const overheadBytes = 256

describe.each(levels)('last values with MQTT %s', (_, level) => {
  it('wait one page at a time, however often a peer that takes nothing subscribes', async () => {
    const store = counted()
    const site = await startSite({ store, limits: { windowMax: 4 } })
    await site.startBystander()
    await site.hub.control.channels.create({ name: 'last' })
    const actions = ['publish', 'subscribe'] as const
    const thing = await site.thing('sensor', [
      { channel: 'telemetry', actions },
      { channel: 'last', actions },
    ])
    const writer = await site.connect(thing)
    await writer.publish('last', 'of all', { retain: true })
    for (let i = 0; i < 200; i++) await writer.publish(`telemetry/${i}`, `${i}`.padEnd(valueBytes), { retain: true })
    const reader = await site.connect(thing, { level })
    reader.acknowledges = false
    for (let round = 0; round < 100; round++) {
      // Filters that match everything, and filters of their own each time.
      const filters = [
        'telemetry/#',
        'telemetry/+',
        ...Array.from({ length: 14 }, (__, i) => `telemetry/+/${round}/${i}`),
      ]
      await reader.subscribe(filters)
      await reader.unsubscribe(filters.slice(2))
      if (round % 2 === 0) await reader.unsubscribe(filters.slice(0, 2))
      expect(site.counter('thingmesh_queues_bytes')).toBeLessThanOrEqual(pageMessages * (valueBytes + overheadBytes))
    }
    await reader.subscribe(['telemetry/#', 'last'])
    expect(store.pages()).toBeLessThan(10)
    await site.expectUndisturbed()
    const seen = new Set<string>()
    // What is asked for last comes last.
    while (!seen.has('last')) {
      const packet = await reader.take('publish')
      seen.add(packet.topic)
      reader.acknowledge(packet)
    }
    expect(seen.size).toBe(201)
    // Filters that were withdrawn meanwhile have not been looked for: two filters and their pages, once more each.
    expect(store.pages()).toBeLessThan(50)
    reader.cut()
    await vi.waitFor(() => expect(site.counter('thingmesh_queues_bytes')).toBe(0))
  })

  it('wait for one of their packet ids, of which there are fewer than a peer may hold un-acknowledged', async () => {
    const site = await startSite({ limits: { windowMax: 65_535 } })
    await site.startBystander()
    const thing = await site.thing('sensor')
    const writer = await site.connect(thing, { level })
    for (let i = 0; i < 560; i += 40) {
      for (let j = i; j < i + 40; j++) writer.sendPublish(`telemetry/${j}`, `${j}`, { retain: true })
      for (let j = i; j < i + 40; j++) await writer.take('puback')
    }
    const reader = await site.connect(thing, { level })
    reader.acknowledges = false
    await reader.subscribe('telemetry/#')
    const first = await reader.takeAll(512)
    await site.expectUndisturbed()
    expect(await reader.arrived()).toEqual([])
    for (const packet of first.slice(0, 48)) reader.acknowledge(packet)
    const all = [...first, ...(await reader.takeAll(48))]
    expect(new Set(all.map(textOf)).size).toBe(560)
  })

  it('are not delivered once the right to them is gone, though they were waiting', async () => {
    const site = await startSite({ limits: { windowMax: 2 } })
    const writer = await site.connect(await site.thing('writer'))
    for (let i = 0; i < 10; i++) await writer.publish(`telemetry/${i}`, `${i}`, { retain: true, qos: 2 })
    const thing = await site.thing('sensor', [{ channel: 'telemetry', actions: ['subscribe'] }])
    const reader = await site.connect(thing, { level })
    reader.acknowledges = false
    await reader.subscribe('telemetry/#', { qos: 2 })
    const [first, second] = await reader.takeAll(2)
    const { items } = await site.hub.control.grants.list({ thing: 'sensor' })
    await site.hub.control.grants.update(items[0]!.id, { pattern: 'elsewhere' })
    for (const { packetId } of [first!, second!]) {
      reader.say('pubrec', packetId)
      expect(await reader.takeAnswer('pubrel', packetId)).toBe(0)
      reader.say('pubcomp', packetId)
    }
    expect((await reader.arrived()).map(textOf)).toEqual([])
    await vi.waitFor(() => expect(site.counter('thingmesh_queues_bytes')).toBe(0))
    expect(site.counter('thingmesh_messages_dropped_total', { reason: 'no-right-any-more' })).toBe(8)
  })

  it('do not come once their filter is withdrawn, which counts as no loss', async () => {
    const site = await startSite({ limits: { windowMax: 2 } })
    const thing = await site.thing('sensor')
    const reader = await site.connect(thing, { level })
    for (let i = 0; i < 10; i++) await reader.publish(`telemetry/${i}`, `${i}`, { retain: true })
    reader.acknowledges = false
    await reader.subscribe('telemetry/#')
    const taken = await reader.takeAll(2)
    await reader.unsubscribe('telemetry/#')
    for (const packet of taken) reader.acknowledge(packet)
    expect(await reader.arrived()).toEqual([])
    expect(site.counter('thingmesh_messages_dropped_total')).toBe(0)
    expect(site.counter('thingmesh_queues_bytes')).toBe(0)
  })
})
