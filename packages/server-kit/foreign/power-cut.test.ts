import { readdirSync, readFileSync } from 'node:fs'
import { mkdir, readdir, readFile, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { describe, expect } from 'vitest'
import { AckedStream } from './support/acked-stream.ts'
import { type HubProcess, startHub } from './support/hub.ts'
import { DiskImage, whyNoMounts } from './support/image.ts'
import { itWith } from './support/peers.ts'
import { createChannel, createThing, readHistory } from './support/provision.ts'
import { openSite } from './support/site.ts'
import { until } from './support/until.ts'

const tools = ['mkfs.ext4', 'mount', 'umount', 'cp']

describe('a power cut', () => {
  itWith(tools, whyNoMounts())('loses nothing that was acknowledged, whenever it comes', async () => {
    const site = await openSite()
    const disk = DiskImage.create(site, 'disk')
    const data = join(disk.directory, 'data')
    await mkdir(data)
    const hub = await startHub(site, { data })
    await createChannel(hub, 'telemetry')
    const meter = await createThing(hub, 'meter', ['telemetry'])
    const stream = new AckedStream('telemetry/n', 1_000_000, 200)
    await stream.connect(site, hub, meter)

    const cuts: { readonly disk: DiskImage; readonly acked: number }[] = []
    for (const least of [1, 1_500, 4_000]) {
      await stream.whenAcked(least)
      await freeze(hub)
      // The control: were the copy to hold what nobody has synced, it would prove nothing.
      await writeFile(join(disk.directory, `unsynced-${least}`), 'x'.repeat(100_000))
      const copy = disk.cutPower(`cut-${cuts.length}`)
      expect(await readdir(copy.directory)).not.toContain(`unsynced-${least}`)
      // Acknowledgements that the kernel still has were sent before the cut, too: two turns of the loop read them all.
      await new Promise(resolve => setImmediate(() => setImmediate(resolve)))
      cuts.push({ disk: copy, acked: stream.acked.length })
      hub.process.signal('SIGCONT')
    }
    await hub.kill()

    for (const cut of cuts) {
      const survivor = await startHub(site, { data: join(cut.disk.directory, 'data'), adminToken: hub.adminToken })
      const log = (await readHistory(survivor, 'telemetry')).map(({ payload }) => Number.parseInt(String(payload), 10))
      // One publisher on one connection: in order, each once, and at least what was acknowledged.
      expect(log).toEqual(log.map((_, index) => index))
      expect(log.length).toBeGreaterThanOrEqual(cut.acked)
      // The log goes on.
      const later = new AckedStream('telemetry/later', 100)
      await later.connect(site, survivor, meter)
      await later.whenAcked(100)
      expect((await readHistory(survivor, 'telemetry')).length).toBe(log.length + 100)
      expect(survivor.process.err).toBe('')
      await survivor.stop()
    }
    expect(stream.acked).toEqual(stream.acked.map((_, index) => index))
  })

  itWith(tools, whyNoMounts())('is told apart from a kill: --durability process survives only the latter', async () => {
    const site = await openSite()
    const disk = DiskImage.create(site, 'disk')
    const data = join(disk.directory, 'data')
    const hub = await startHub(site, { data, durability: 'process' })
    await createChannel(hub, 'telemetry')
    const meter = await createThing(hub, 'meter', ['telemetry'])
    const stream = new AckedStream('telemetry/n', 1_000)
    await stream.connect(site, hub, meter)
    await stream.whenAcked(1_000)
    await freeze(hub)
    const copy = disk.cutPower('cut')
    const logOf = async (file: string) => (await readFile(file).catch(() => Buffer.alloc(0))).includes('00000999....')
    expect(await logOf(join(data, 'hub.db-wal'))).toBe(true)
    expect(await logOf(join(copy.directory, 'data', 'hub.db-wal'))).toBe(false)
    await hub.kill()
    await hub.start()
    expect((await readHistory(hub, 'telemetry')).length).toBe(1_000)
    await hub.stop()
  })
})

/** Stops the process where it is. Settles when each of its threads is: one may have been in a sync. */
async function freeze(hub: HubProcess): Promise<void> {
  const { pid } = hub.process
  hub.process.signal('SIGSTOP')
  const isStopped = (thread: string) => /^State:\s+T/m.test(readFileSync(`/proc/${pid}/task/${thread}/status`, 'utf8'))
  await until(() => readdirSync(`/proc/${pid}/task`).every(isStopped), 'the stop of the hub')
}
