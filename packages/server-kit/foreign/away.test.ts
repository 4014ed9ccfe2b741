import { describe, expect } from 'vitest'
import { AckedStream } from './support/acked-stream.ts'
import { startHub } from './support/hub.ts'
import { asThing } from './support/mosquitto.ts'
import { itWith } from './support/peers.ts'
import { createChannel, createThing } from './support/provision.ts'
import { openSite } from './support/site.ts'

const count = 10_000

describe('a persistent subscriber that is away', () => {
  itWith(['mosquitto_sub'])('gets 10,000 messages in order, over two kills of the hub', async () => {
    const site = await openSite()
    const hub = await startHub(site)
    await createChannel(hub, 'telemetry')
    const meter = await createThing(hub, 'meter', ['telemetry'])
    const viewer = await createThing(hub, 'viewer', ['telemetry'])
    const session = ['-c', '-i', 'away', '-q', '1', '-t', 'telemetry/#']
    expect(await site.run('mosquitto_sub', [...asThing(hub, viewer), ...session, '-E'])).toMatchObject({ code: 0 })

    const stream = new AckedStream('telemetry/n', count)
    for (const least of [3_000, 6_000]) {
      await stream.connect(site, hub, meter)
      await stream.whenAcked(least)
      expect(stream.isDone).toBe(false)
      await hub.kill()
      await stream.whenLost()
      await hub.start()
    }
    await stream.connect(site, hub, meter)
    await stream.whenAcked(count)

    const back = site.spawn('mosquitto_sub', [...asThing(hub, viewer), ...session, '-W', '60'])
    const last = String(count - 1)
    await back.says(({ out }) => numbersIn(out).has(Number(last)), 'the last message', 60_000)
    await back.kill('SIGTERM')
    expect([...numbersIn(back.out)]).toEqual(Array.from({ length: count }, (_, n) => n))
  })
})

/** In the order in which each came first. */
function numbersIn(out: string): Set<number> {
  return new Set(
    out
      .split('\n')
      .slice(0, -1)
      .map(line => Number.parseInt(line, 10)),
  )
}
