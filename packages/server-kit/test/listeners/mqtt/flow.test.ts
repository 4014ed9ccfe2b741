import { describe, expect, it, vi } from 'vitest'
import { gatedStore } from '../../support/gated-store.ts'
import { levels, startSite } from './fixture.ts'
import { type TestPeer, textOf } from './peer.ts'

/** A number, and enough behind it to fill sockets. */
const padded = (i: number, size: number) => `${i}`.padEnd(size)
const numberIn = (packet: Parameters<typeof textOf>[0]) => Number.parseInt(textOf(packet), 10)
const upTo = (count: number) => Array.from({ length: count }, (_, i) => i)

async function publishAll(writer: TestPeer, count: number, size: number, qos: 0 | 1) {
  for (let at = 0; at < count; at += 50) {
    const some = Math.min(50, count - at)
    for (let i = 0; i < some; i++) writer.sendPublish('telemetry/a', padded(at + i, size), { qos })
    if (qos === 1) for (let i = 0; i < some; i++) await writer.take('puback')
    else await writer.arrived()
  }
}

describe.each(levels)('a subscriber of MQTT %s that stops reading', (_, level) => {
  it('holds nobody else up, costs a bounded queue, and catches up without a gap', async () => {
    const site = await startSite({
      limits: { queueMessagesMax: 50, queueBytesMax: 64 * 1024, queuesBytesMax: 256 * 1024, windowMax: 16 },
    })
    await site.startBystander()
    const thing = await site.thing('sensor')
    const slow = await site.connect(thing, { level })
    const quick = await site.connect(thing, { level })
    for (const peer of [slow, quick]) await peer.subscribe('telemetry/#')
    slow.socket.pause()
    const writer = await site.connect(thing)
    await publishAll(writer, 3_000, 1_000, 1)
    expect((await quick.takeAll(3_000)).map(numberIn)).toEqual(upTo(3_000))
    expect(site.counter('thingmesh_sessions_behind_total')).toBeGreaterThan(0)
    expect(site.counter('thingmesh_queues_bytes')).toBeLessThanOrEqual(256 * 1024)
    await site.expectUndisturbed()
    slow.socket.resume()
    expect((await slow.takeAll(3_000)).map(numberIn)).toEqual(upTo(3_000))
    // It is live again.
    await writer.publish('telemetry/a', '3000')
    expect((await slow.takeAll(1)).map(numberIn)).toEqual([3_000])
    expect(await slow.arrived()).toEqual([])
    await vi.waitFor(() => expect(site.counter('thingmesh_queues_bytes')).toBe(0))
  })

  it('loses nothing that is at least once when its socket is full before its window is', async () => {
    const site = await startSite({ listener: { socketBytesMax: 32 * 1024 } })
    const thing = await site.thing('sensor')
    const slow = await site.connect(thing, { level })
    await slow.subscribe('telemetry/#')
    slow.socket.pause()
    const writer = await site.connect(thing)
    // Twelve megabytes in a window of 64: more than the system's own buffers take.
    await publishAll(writer, 80, 200_000, 1)
    slow.socket.resume()
    expect((await slow.takeAll(80)).map(numberIn)).toEqual(upTo(80))
  })

  it('misses at-most-once messages, each of which is counted, and hears the next ones', async () => {
    const site = await startSite()
    await site.startBystander()
    const thing = await site.thing('sensor')
    const slow = await site.connect(thing, { level })
    const quick = await site.connect(thing, { level })
    for (const peer of [slow, quick]) await peer.subscribe('telemetry/#', { qos: 0 })
    slow.socket.pause()
    const writer = await site.connect(thing)
    const sent = 500
    for (let at = 0; at < sent; at += 5) {
      for (let i = at; i < at + 5; i++) writer.sendPublish('telemetry/a', padded(i, 50_000), { qos: 0 })
      expect((await quick.takeAll(5)).map(numberIn)).toEqual([at, at + 1, at + 2, at + 3, at + 4])
    }
    const dropped = site.counter('thingmesh_messages_dropped_total', { reason: 'slow-reader' })
    expect(dropped).toBeGreaterThan(0)
    await site.expectUndisturbed()
    slow.socket.resume()
    const heard = (await slow.takeAll(sent - dropped)).map(numberIn)
    expect(heard).toEqual(heard.toSorted((a, b) => a - b))
    await writer.publish('telemetry/a', '9999')
    expect((await slow.takeAll(1)).map(numberIn)).toEqual([9_999])
    expect(await slow.arrived()).toEqual([])
  })

  it('hears again as soon as it reads, however little it is that may wait on its socket', async () => {
    const site = await startSite({ listener: { socketBytesMax: 24 * 1024 } })
    const thing = await site.thing('sensor')
    const slow = await site.connect(thing, { level })
    await slow.subscribe('telemetry/#', { qos: 0 })
    slow.socket.pause()
    const writer = await site.connect(thing)
    const dropped = () => site.counter('thingmesh_messages_dropped_total', { reason: 'slow-reader' })
    let sent = 0
    for (; dropped() === 0; sent += 10) {
      for (let i = 0; i < 10; i++) writer.sendPublish('telemetry/a', padded(sent + i, 2_000), { qos: 0 })
      await writer.arrived()
    }
    slow.socket.resume()
    await slow.takeAll(sent - dropped())
    await writer.publish('telemetry/a', '9999')
    expect((await slow.takeAll(1)).map(numberIn)).toEqual([9_999])
  })

  it('is cut when it does not go on in time, and its session stays', async () => {
    const site = await startSite({ listener: { socketBytesMax: 64 * 1024, drainTimeoutMs: 200 } })
    await site.startBystander()
    const thing = await site.thing('sensor')
    const properties = { sessionExpiryInterval: 600 }
    const lasting = { level, clientId: 'lasting', cleanStart: false, ...(level === 5 && { properties }) }
    const slow = await site.connect(thing, lasting)
    await slow.subscribe('telemetry/#')
    slow.acknowledges = false
    slow.socket.pause()
    const writer = await site.connect(thing)
    await publishAll(writer, 80, 200_000, 1)
    await vi.waitFor(() => expect(site.counter('thingmesh_mqtt_refused_total', { limit: 'drain-timeout' })).toBe(1), {
      timeout: 5_000,
    })
    await site.expectUndisturbed()
    slow.cut()
    const back = await site.connect(thing, lasting)
    expect((await back.takeAll(80)).map(numberIn)).toEqual(upTo(80))
  })
})

describe('a peer that asks and does not read the answers', () => {
  it('is not read from any more, and is answered in full once it reads', async () => {
    const site = await startSite({
      listener: { socketBytesMax: 64 * 1024, drainTimeoutMs: 60_000, receiveMaximum: 65_535 },
    })
    await site.startBystander()
    const peer = await site.connect(await site.thing('sensor'))
    peer.socket.pause()
    const count = 300_000
    // Ten bytes each, and five times as many in the answer, which says why.
    const packet = Buffer.from([0x32, 8, 0, 2, 0x24, 0x78, 0, 1, 0, 0x21])
    peer.socket.write(Buffer.concat(new Array(count).fill(packet)))
    const refused = () => site.counter('thingmesh_refused_total', { limit: 'topic' })
    let before = -1
    await vi.waitFor(
      () => {
        const now = refused()
        const stands = now === before
        before = now
        expect(stands && now > 0).toBe(true)
      },
      { timeout: 15_000, interval: 300 },
    )
    expect(refused()).toBeLessThan(count)
    await site.expectUndisturbed()
    peer.socket.resume()
    await vi.waitFor(() => expect(peer.packets.length).toBe(count), { timeout: 20_000, interval: 50 })
    expect(refused()).toBe(count)
  })
})

describe('a peer with a larger window than others', () => {
  it('is not read from while what waits for its commit is as much as others may have, and loses nothing', async () => {
    const store = gatedStore()
    const site = await startSite({ store, listener: { receiveMaximum: 4, packetBytesMax: 50_000 } })
    await site.startBystander()
    const thing = await site.thing('sensor')
    const peer = await site.connect(thing, { properties: { userProperties: [['server-receive-maximum', '500']] } })
    const received = () => site.counter('thingmesh_mqtt_received_bytes_total', { transport: 'tcp' })
    const before = received()
    store.hold()
    for (let i = 0; i < 500; i++) peer.sendPublish('telemetry/a', padded(i, 40_000))
    await vi.waitFor(() => expect(received() - before).toBeGreaterThan(4 * 50_000))
    await site.open()
    // Twenty megabytes are on their way, and no more is read than fills the window and what came in one piece with that.
    expect(received() - before).toBeLessThan(10 * 50_000)
    store.release()
    for (let i = 0; i < 500; i++) expect(await peer.take('puback')).toMatchObject({ reasonCode: 0 })
    await site.expectUndisturbed()
  })

  it('may have that many small ones under way', async () => {
    const store = gatedStore()
    const site = await startSite({ store })
    const thing = await site.thing('sensor')
    const peer = await site.connect(thing, { properties: { userProperties: [['server-receive-maximum', '500']] } })
    store.hold()
    for (let i = 0; i < 500; i++) peer.sendPublish('telemetry/a', `${i}`)
    expect(await peer.arrived()).toEqual([])
    store.release()
    for (let i = 0; i < 500; i++) expect(await peer.take('puback')).toMatchObject({ reasonCode: 0 })
  })
})

describe('last values for a peer that does not keep up', () => {
  it('come no faster than it takes them, and all of them', async () => {
    const site = await startSite({ limits: { windowMax: 4 } })
    const thing = await site.thing('sensor')
    const writer = await site.connect(thing)
    for (let i = 0; i < 200; i++) await writer.publish(`telemetry/${i}`, `${i}`, { retain: true })
    const reader = await site.connect(thing)
    reader.acknowledges = false
    await reader.subscribe('telemetry/#')
    const first = await reader.take('publish')
    expect((await reader.arrived()).length).toBeLessThan(4)
    const seen = [first]
    reader.acknowledge(first)
    while (seen.length < 200) {
      const packet = await reader.take('publish')
      reader.acknowledge(packet)
      seen.push(packet)
    }
    expect(seen.map(numberIn).toSorted((a, b) => a - b)).toEqual(upTo(200))
  })
})
