import { describe, expect } from 'vitest'
import { AckedStream } from './support/acked-stream.ts'
import { startHub } from './support/hub.ts'
import { asThing, printed, subscribed } from './support/mosquitto.ts'
import { itWith } from './support/peers.ts'
import { createChannel, createThing } from './support/provision.ts'
import { openSite, type Running } from './support/site.ts'
import { until } from './support/until.ts'

const count = 5_000
const share = '$share/workers/telemetry/#'

/** Nobody speaks to it any more, and it has said nothing at several looks in a row. */
function isSilent(worker: Running): () => boolean {
  let length = -1
  let looks = 0
  return () => {
    looks = worker.out.length === length ? looks + 1 : 0
    length = worker.out.length
    return looks >= 10
  }
}

const numbersIn = (lines: readonly string[]) => lines.map(line => Number.parseInt(line, 10))

describe('a shared subscription of stock clients', () => {
  itWith(['mosquitto_sub', 'mosquitto_pub', 'stdbuf'])(
    'gives each message to one of them, in both versions',
    async () => {
      const site = await openSite()
      const hub = await startHub(site, { durability: 'process' })
      await createChannel(hub, 'telemetry')
      const meter = await createThing(hub, 'meter', ['telemetry'])
      const viewer = await createThing(hub, 'viewer', ['telemetry'])
      const workers = await Promise.all(
        (['mqttv311', 'mqttv5', 'mqttv5'] as const).map(version =>
          subscribed(site, [...asThing(hub, viewer, version), '-t', share, '-q', '1']),
        ),
      )
      const lines = Array.from({ length: 90 }, (_, n) => String(n))
      const stdin = lines.map(line => `${line}\n`).join('')
      await site.run('mosquitto_pub', [...asThing(hub, meter), '-t', 'telemetry/n', '-q', '1', '-l'], { stdin })
      await until(() => workers.flatMap(worker => printed(worker)).length >= 90, 'all messages')
      const parts = workers.map(worker => numbersIn(printed(worker)))
      expect(parts.flat().sort((a, b) => a - b)).toEqual(lines.map(Number))
      for (const part of parts) expect(part.length).toBeGreaterThan(15)
    },
  )

  itWith(['mosquitto_sub', 'stdbuf'])(
    'that last is given everything among them, over two kills of the hub',
    async () => {
      const site = await openSite()
      const hub = await startHub(site)
      await createChannel(hub, 'telemetry')
      const meter = await createThing(hub, 'meter', ['telemetry'])
      const viewer = await createThing(hub, 'viewer', ['telemetry'])
      const session = (name: string) => ['-c', '-i', name, '-q', '1', '-t', share]
      const work = (name: string) => subscribed(site, [...asThing(hub, viewer), ...session(name)])
      const workers = [await work('one'), await work('two')]

      const stream = new AckedStream('telemetry/n', count)
      for (const least of [1_500, 3_000]) {
        await stream.connect(site, hub, meter)
        await stream.whenAcked(least)
        expect(stream.isDone).toBe(false)
        await hub.kill()
        await stream.whenLost()
        // The first time both go as well, and one comes back later: once they have printed what they had acknowledged.
        if (least === 1_500) {
          for (const worker of workers) await until(isSilent(worker), 'the end of what it has to say')
          for (const worker of workers) await worker.kill()
        }
        await hub.start()
        if (least === 1_500) workers.push(await work('two'))
      }
      await stream.connect(site, hub, meter)
      await stream.whenAcked(count)
      workers.push(await work('one'))
      const seen = () => new Set(workers.flatMap(worker => numbersIn(printed(worker))))
      await until(() => seen().size >= count, 'every message', 60_000)
      expect([...seen()].sort((a, b) => a - b)).toEqual(Array.from({ length: count }, (_, n) => n))
    },
  )
})
