import { platform } from 'node:os'
import { describe, expect } from 'vitest'
import { AckedStream, fromPayload } from './support/acked-stream.ts'
import { startHub } from './support/hub.ts'
import { residentPeakMebibytes } from './support/memory.ts'
import { PacedStream } from './support/paced-stream.ts'
import { itWith } from './support/peers.ts'
import { createChannel, createThing, readMetrics } from './support/provision.ts'
import { connectRaw } from './support/raw-client.ts'
import { openSite } from './support/site.ts'
import { until } from './support/until.ts'

const liveCount = 1_000_000
const loggedCount = 200_000
const memoryMaxMebibytes = 300

/** Numbers that are to come in order from 0, with none missing and none twice. */
class InOrder {
  next = 0
  firstWrong: { readonly expected: number; readonly found: number } | undefined

  take(found: number): void {
    if (found !== this.next) this.firstWrong ??= { expected: this.next, found }
    this.next = found + 1
  }
}

/** The same where a number may come again: order is that of the first arrivals. */
class FirstInOrder extends InOrder {
  override take(found: number): void {
    if (found >= this.next) super.take(found)
  }
}

describe('readers that freeze', () => {
  itWith([], platform() === 'linux' ? undefined : 'memory is read from /proc')(
    'cost the hub little memory and a healthy subscriber nothing, and get all of QoS 1 when they read on',
    async () => {
      const site = await openSite()
      const hub = await startHub(site)
      await createChannel(hub, 'live', { record: 'acked' })
      await createChannel(hub, 'logged')
      const meter = await createThing(hub, 'meter', ['live', 'logged'])
      const viewer = await createThing(hub, 'viewer', ['live', 'logged'])
      const before = residentPeakMebibytes(hub.process.pid)

      // One hangs with both: its socket fills up, the hub cuts it and keeps its session. The other has QoS 1 alone: its
      // window is full, its socket is not, so it stays connected.
      const flooded = new FirstInOrder()
      const behind = new FirstInOrder()
      const onFlooded = (topic: string, payload: Buffer) => topic === 'logged/n' && flooded.take(fromPayload(payload))
      const floodedOptions = { clientId: 'flooded', persistent: true, onMessage: onFlooded }
      const frozenBoth = await connectRaw(site, hub, viewer, floodedOptions)
      await frozenBoth.subscribe('live/#', 0)
      await frozenBoth.subscribe('logged/#', 1)
      frozenBoth.freeze()
      const frozenOne = await connectRaw(site, hub, viewer, {
        clientId: 'behind',
        persistent: true,
        onMessage: (_topic, payload) => behind.take(fromPayload(payload)),
      })
      await frozenOne.subscribe('logged/#', 1)
      frozenOne.freeze()

      const live = new InOrder()
      const logged = new InOrder()
      const floodSource = await connectRaw(site, hub, meter, { clientId: 'flood' })
      const flood = new PacedStream(floodSource, 'live/n', liveCount)
      const healthy = await connectRaw(site, hub, viewer, {
        clientId: 'healthy',
        onMessage: (topic, payload) => {
          if (topic === 'logged/n') logged.take(fromPayload(payload))
          else {
            live.take(fromPayload(payload))
            flood.received(live.next)
          }
        },
      })
      await healthy.subscribe('live/#', 0)
      await healthy.subscribe('logged/#', 1)

      const startedAt = performance.now()
      const stream = new AckedStream('logged/n', loggedCount)
      await stream.connect(site, hub, meter)
      flood.received(0)
      await stream.whenAcked(loggedCount)
      await until(() => live.next >= liveCount && logged.next >= loggedCount, 'the healthy one’s messages', 60_000)
      const passedMs = performance.now() - startedAt
      expect({ live, logged }).toEqual({
        live: { next: liveCount, firstWrong: undefined },
        logged: { next: loggedCount, firstWrong: undefined },
      })
      expect(healthy.isClosed).toBe(false)

      const thawedAt = performance.now()
      frozenOne.thaw()
      expect(frozenOne.isClosed).toBe(false)
      await until(() => behind.next >= loggedCount, 'what waited for the one that kept its connection', 60_000)
      const caughtUpMs = performance.now() - thawedAt
      // It does not see that it was cut: the hub's own count tells.
      const wasCut = async () =>
        /^thingmesh_mqtt_refused_total\{limit="drain-timeout",transport="tcp"\} 1$/m.test(await readMetrics(hub))
      await until(wasCut, 'the end of the connection whose socket was full', 20_000)
      await frozenBoth.cut()
      const again = await connectRaw(site, hub, viewer, floodedOptions)
      expect(again.sessionPresent).toBe(true)
      await until(() => flooded.next >= loggedCount, 'what waited for the one that was cut', 60_000)
      expect(flooded).toMatchObject({ next: loggedCount, firstWrong: undefined })
      expect(behind).toMatchObject({ next: loggedCount, firstWrong: undefined })

      const peak = residentPeakMebibytes(hub.process.pid)
      console.info(
        `frozen readers: passed in ${Math.round(passedMs)} ms, caught up in ${Math.round(caughtUpMs)} ms, ` +
          `hub memory ${Math.round(before)} MiB at rest, ${Math.round(peak)} MiB at most`,
      )
      expect(peak).toBeLessThan(memoryMaxMebibytes)
      expect(hub.process.err).toBe('')
    },
  )
})
