import { describe, expect, it, vi } from 'vitest'
import { memoryStore } from '../../../../src/store/memory/index.ts'
import type { FramePeer, FramesSite } from './fixture.ts'
import { json, startFrames } from './fixture.ts'

const dropped = (site: FramesSite) => site.counter('thingmesh_messages_dropped_total', { reason: 'slow-reader' })
const large = 'x'.repeat(50_000)

/** Publishes until the hub has had to hold something back for who does not read. */
async function flood(site: FramesSite, delivery: 'at-most-once' | 'at-least-once', enough: () => boolean) {
  const other = await site.connect(await site.thing('flooder'))
  let count = 0
  while (!enough() && count < 2_000) {
    await other.publish('telemetry/a', `${count} ${large}`, { delivery })
    count += 1
    // The sockets have their turn.
    await new Promise(setImmediate)
  }
  return count
}

const numberOf = (text: string) => Number(text.split(' ', 1)[0])

describe('a WebSocket for messages whose client stops reading', () => {
  it('loses what was sent at most once, which is counted, and nothing else; others notice nothing', async () => {
    const site = await startFrames({ frames: { socketBytesMax: 200_000 } })
    await site.expectUndisturbed()
    const peer = await site.open('telemetry/messages', { key: await site.thing('slow') })
    await site.sessions(2)
    peer.webSocket.pause()
    const sent = await flood(site, 'at-most-once', () => dropped(site) > 20)
    expect(dropped(site)).toBeGreaterThan(20)
    const other = await site.connect(await site.thing('other'))
    await other.publish('telemetry/a', `${sent} last`)
    await site.expectUndisturbed()
    peer.webSocket.resume()
    const heard: number[] = []
    while (heard.at(-1) !== sent) heard.push(numberOf((await peer.next()).bytes.toString()))
    expect(heard).toEqual([...heard].sort((a, b) => a - b))
    expect(heard.length).toBe(sent + 1 - dropped(site))
  })

  it('is fed from the log when it goes on, without a gap', async () => {
    const site = await startFrames({
      frames: { socketBytesMax: 100_000 },
      hub: { limits: { windowMax: 8, queueMessagesMax: 8 } },
    })
    const peer = await site.open('telemetry/messages', { key: await site.thing('slow') })
    await site.sessions(1)
    peer.webSocket.pause()
    const sent = await flood(site, 'at-least-once', () => site.counter('thingmesh_sessions_behind_total') > 0)
    expect(site.counter('thingmesh_sessions_behind_total')).toBeGreaterThan(0)
    peer.webSocket.resume()
    expect((await peer.texts(sent)).map(numberOf)).toEqual(Array.from({ length: sent }, (_, i) => i))
  })

  it.each([
    ['live', undefined],
    ['the log', '0'],
  ])('is cut where nothing of %s moves for the time to drain', async (_, after) => {
    const site = await startFrames({ frames: { drainTimeoutMs: 300, socketBytesMax: 200_000 } })
    await site.expectUndisturbed()
    const peer = await site.open('telemetry/messages', { key: await site.thing('slow'), ...json })
    await peer.ask({ type: 'subscribe', id: 1, ...(after && { after }) })
    peer.webSocket.pause()
    const cut = () => site.counter('thingmesh_frames_refused_total', { limit: 'drain-timeout' }) > 0
    await flood(site, 'at-least-once', cut)
    await vi.waitFor(() => expect(cut()).toBe(true), { timeout: 10_000 })
    await vi.waitFor(() => expect(site.counter('thingmesh_frames_connections')).toBe(0), { timeout: 10_000 })
    expect(await endOf(peer)).toBeOneOf([1006, 1013])
    await site.expectUndisturbed()
  })

  it('is read for from the log no further than it takes', async () => {
    const store = memoryStore()
    const reads = vi.spyOn(store.log, 'read')
    const site = await startFrames({ store })
    const other = await site.connect(await site.thing('other'))
    const total = 600
    for (let i = 0; i < total; i++) await other.publish('telemetry/a', `${i} ${large}`)
    const peer = await site.open('telemetry/messages', { key: await site.thing('slow'), ...json })
    await site.sessions(2)
    peer.webSocket.pause()
    const readBefore = reads.mock.calls.length
    peer.say({ type: 'subscribe', after: '0' })
    const pages = () => reads.mock.calls.length - readBefore
    await atRest(pages)
    // A page has 256 KiB at most, and the system takes some megabytes.
    expect(pages()).toBeLessThan(total / 10)
    peer.webSocket.resume()
    for (let i = 0; i < total; i++) expect(numberOf(String((await peer.fields()).payload))).toBe(i)
    expect(pages()).toBeGreaterThan(total / 10)
  })

  it('is not read from while its answers wait', async () => {
    const site = await startFrames({ frames: { socketBytesMax: 100_000 } })
    const peer = await site.open('telemetry/messages', { key: await site.thing('deaf'), ...json })
    await site.sessions(1)
    peer.webSocket.pause()
    const frame = JSON.stringify({ type: 'unsubscribe', id: 'x'.repeat(64), pattern: 'nothing' })
    const refused = () => site.counter('thingmesh_frames_requests_refused_total')
    const total = 200_000
    for (let i = 0; i < total; i++) peer.webSocket.send(frame)
    await atRest(refused)
    expect(refused()).toBeLessThan(total)
    peer.webSocket.resume()
    await vi.waitFor(() => expect(refused()).toBe(total), { timeout: 20_000 })
  })
})

describe('a WebSocket for messages on which nothing is said', () => {
  it('is asked for a sign of life, and stays where there is one', async () => {
    const site = await startFrames({ frames: { keepAliveMs: 100 } })
    const peer = await site.open('telemetry/messages', { key: await site.thing('quiet') })
    let pings = 0
    peer.webSocket.on('ping', () => {
      pings += 1
    })
    await vi.waitFor(() => expect(pings).toBeGreaterThan(2), { timeout: 10_000 })
    expect(peer.webSocket.readyState).toBe(peer.webSocket.OPEN)
  })

  it('is cut where there is none', async () => {
    const site = await startFrames({ frames: { keepAliveMs: 100 } })
    const peer = await site.open('telemetry/messages', { key: await site.thing('dead'), autoPong: false })
    expect((await peer.end)[0]).toBe(1006)
    expect(site.counter('thingmesh_frames_refused_total', { limit: 'keep-alive' })).toBe(1)
    await vi.waitFor(() => expect(site.counter('thingmesh_sessions')).toBe(0))
  })
})

/** Settles when the count has begun, and has stood still for a while. */
async function atRest(count: () => number): Promise<void> {
  let before = 0
  await vi.waitFor(
    () => {
      const now = count()
      const rests = now === before && now > 0
      before = now
      expect(rests).toBe(true)
    },
    { timeout: 20_000, interval: 250 },
  )
}

async function endOf(peer: FramePeer): Promise<number> {
  peer.webSocket.resume()
  return (await peer.end)[0]
}
