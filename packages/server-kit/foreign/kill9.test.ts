import { describe, expect } from 'vitest'
import { AckedStream, toPayload } from './support/acked-stream.ts'
import { startHub } from './support/hub.ts'
import { asThing, type MqttVersion, publishLines } from './support/mosquitto.ts'
import { itWith } from './support/peers.ts'
import { createChannel, createThing, readHistory } from './support/provision.ts'
import { openSite } from './support/site.ts'

const numbered = (count: number) => Array.from({ length: count }, (_, n) => toPayload(n))

describe('kill -9', () => {
  for (const version of ['mqttv311', 'mqttv5'] satisfies MqttVersion[]) {
    itWith(['mosquitto_pub'])(`keeps the 1,000 messages that mosquitto_pub -V ${version} has acked`, async () => {
      const site = await openSite()
      const hub = await startHub(site)
      await createChannel(hub, 'telemetry')
      const meter = await createThing(hub, 'meter', ['telemetry'])
      const lines = numbered(1000)
      const published = await publishLines(site, asThing(hub, meter, version), 'telemetry/n', lines)
      expect(published).toMatchObject({ code: 0, err: '' })
      expect(await hub.kill()).toMatchObject({ signal: 'SIGKILL' })

      await hub.start()
      const log = await readHistory(hub, 'telemetry')
      expect(log.map(({ payload }) => payload)).toEqual(lines)
      expect(new Set(log.map(({ id }) => id)).size).toBe(1000)
    })
  }

  itWith([])(
    'keeps every message that was acked when it hit, in the middle of a stream, three times over',
    async () => {
      const site = await openSite()
      const hub = await startHub(site)
      await createChannel(hub, 'telemetry')
      const meter = await createThing(hub, 'meter', ['telemetry'])
      const stream = new AckedStream('telemetry/n', 1_000_000)
      for (const least of [2_000, 5_000, 9_000]) {
        await stream.connect(site, hub, meter)
        await stream.whenAcked(least)
        await hub.kill()
        await stream.whenLost()
        await hub.start()

        const log = (await readHistory(hub, 'telemetry')).map(({ payload }) => Number.parseInt(String(payload), 10))
        const known = new Set(log)
        expect(stream.acked.filter(number => !known.has(number))).toEqual([])
        // What was under way may be there a second time; what is there first is in the order of the publisher.
        const first = [...known]
        expect(first).toEqual(first.toSorted((a, b) => a - b))
        expect(stream.acked).toEqual(stream.acked.toSorted((a, b) => a - b))
      }
    },
  )
})
