import { readdir, stat } from 'node:fs/promises'
import { join } from 'node:path'
import { describe, expect } from 'vitest'
import { AckedStream } from './support/acked-stream.ts'
import { HubProcess, startHub } from './support/hub.ts'
import { asThing, subscribed } from './support/mosquitto.ts'
import { itWith } from './support/peers.ts'
import { createChannel, createThing, readHistory } from './support/provision.ts'
import { openSite } from './support/site.ts'

describe('one process, its data and its ports', () => {
  itWith([])('refuses a second process on the same data, which serves on', async () => {
    const site = await openSite()
    const hub = await startHub(site)
    await createChannel(hub, 'telemetry')
    const second = new HubProcess(site, { data: hub.data }).launch()
    const { code, out, err } = await second.finished(10_000)
    expect({ code, out }).toEqual({ code: 1, out: '' })
    expect(err).toBe(
      `thingmesh: conflict: another process has the data in ${hub.data}: stop it, or choose another directory with --data DIR\n`,
    )
    expect(await readHistory(hub, 'telemetry')).toEqual([])
    // Nor does a kill leave a lock behind.
    await hub.kill()
    await hub.start()
    expect(await readHistory(hub, 'telemetry')).toEqual([])
  })

  for (const door of ['mqtt', 'http'] as const) {
    itWith([])(`refuses a taken port of ${door}, and names it and its flag`, async () => {
      const site = await openSite()
      const hub = await startHub(site)
      const port = door === 'mqtt' ? hub.mqttPort : hub.httpPort
      const taken = door === 'mqtt' ? { mqttPort: port } : { httpPort: port }
      const second = new HubProcess(site, { data: join(site.directory, 'other'), ...taken }).launch()
      const { code, out, err } = await second.finished(10_000)
      expect({ code, out }).toEqual({ code: 1, out: '' })
      expect(err).toContain(`thingmesh: conflict: port ${port} on 127.0.0.1 is taken`)
      expect(err).toContain(`--${door} PORT`)
      expect((await fetch(`${hub.url}/health`)).status).toBe(200)
    })
  }

  itWith(['mosquitto_sub'])(
    'ends with 0 on SIGTERM while clients are connected and publish, and keeps the acked',
    async () => {
      const site = await openSite()
      const hub = await startHub(site)
      await createChannel(hub, 'telemetry')
      const meter = await createThing(hub, 'meter', ['telemetry'])
      const viewer = await createThing(hub, 'viewer', ['telemetry'])
      await subscribed(site, [...asThing(hub, viewer, 'mqttv5'), '-t', 'telemetry/#', '-q', '1'])
      const waiting = fetch(`${hub.url}/channels/telemetry/messages/none?wait=30`, {
        headers: { authorization: `Thing ${viewer.secret}` },
      }).then(
        response => response.status,
        () => 'cut' as const,
      )
      const stream = new AckedStream('telemetry/n', 1_000_000)
      await stream.connect(site, hub, meter)
      await stream.whenAcked(2_000)
      expect(await hub.stop(5_000)).toEqual({ code: 0, signal: null })
      await stream.whenLost()
      await waiting

      await hub.start()
      const log = (await readHistory(hub, 'telemetry')).map(({ payload }) => Number.parseInt(String(payload), 10))
      expect(log).toEqual(log.map((_, index) => index))
      expect(log.length).toBeGreaterThanOrEqual(stream.acked.length)
      expect(stream.acked).toEqual(stream.acked.map((_, index) => index))
    },
  )

  itWith([])('leaves nothing in its data that others may read, whatever the umask', async () => {
    const site = await openSite()
    const before = process.umask(0)
    let hub: HubProcess
    try {
      hub = await startHub(site)
    } finally {
      process.umask(before)
    }
    await createChannel(hub, 'telemetry')
    expect((await stat(hub.data)).mode & 0o777).toBe(0o700)
    const files = await readdir(hub.data)
    expect(files).toContain('hub.db')
    for (const file of files) {
      expect(`${file} ${((await stat(join(hub.data, file))).mode & 0o777).toString(8)}`).toBe(`${file} 600`)
    }
  })
})
