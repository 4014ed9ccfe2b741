import { type ChildProcessByStdio, spawn } from 'node:child_process'
import { once } from 'node:events'
import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { createInterface } from 'node:readline'
import type { Readable } from 'node:stream'
import { setTimeout as sleep } from 'node:timers/promises'
import { fileURLToPath } from 'node:url'
import { expect, it, onTestFinished } from 'vitest'
import { type Scheme, startSite } from './support/site.ts'

const file = fileURLToPath(new URL('outbox-child.ts', import.meta.url))
const rounds = Number(process.env.THINGMESH_ROUNDS || 8)

/** One outbox goes by each of them in turn. */
const schemes: readonly Scheme[] = ['mqtt', 'http', 'mqtt', 'ws']

/** Longer than the device waits for an answer, so that some live to notice a dead network. */
const lifeMsMax = 600

function startChild(args: readonly string[]): ChildProcessByStdio<null, Readable, null> {
  const child = spawn(process.execPath, ['--conditions=@thingmesh/source', file, ...args], {
    stdio: ['ignore', 'pipe', 'inherit'],
  })
  onTestFinished(() => void child.kill('SIGKILL'))
  return child
}

it(
  `every reading that was safe is stored once, in order, over ${rounds} kills of its device while hub and network come and go`,
  async () => {
    const site = await startSite()
    const directory = await mkdtemp(join(tmpdir(), 'thingmesh-kill-'))
    onTestFinished(() => rm(directory, { recursive: true, force: true }))
    const path = join(directory, 'outbox')
    const startedAt = performance.now()
    const safe: string[] = []
    let isUp = true
    let stops = 0

    const begin = (scheme: Scheme, life: string) =>
      startChild([`${scheme}://127.0.0.1:${site.proxy(scheme).port}`, site.key, path, life])
    /** The moments are chance: that is the point, and nothing waits for them to be over. */
    const within = (ms: number): Promise<void> => sleep(Math.random() * ms)

    for (let life = 0; life < rounds; life++) {
      const scheme = schemes[life % schemes.length]!
      const network = site.proxy(scheme)
      const child = begin(scheme, String(life))
      const exited = once(child, 'close')
      const lines = createInterface({ input: child.stdout })
      lines.on('line', line => safe.push(line))
      await Promise.race([once(lines, 'line'), exited.then(code => expect.fail(`the device ended: ${code}`))])

      const lifeMs = Math.random() * lifeMsMax
      const halfOpen = async (): Promise<void> => {
        await within(lifeMs)
        network.freeze()
        await within(lifeMs)
        network.thaw()
      }
      const hub = async (): Promise<void> => {
        await within(lifeMs)
        await (isUp ? site.stop() : site.start())
        if (isUp) stops++
        isUp = !isUp
      }
      const kill = async (): Promise<void> => {
        await sleep(lifeMs)
        child.kill('SIGKILL')
        await exited
      }
      await Promise.all([
        within(lifeMs).then(() => network.cut()),
        halfOpen(),
        kill(),
        ...(life % 3 === 2 ? [] : [hub()]),
      ])
    }
    if (!isUp) await site.start()
    const [line] = await once(createInterface({ input: begin('mqtt', 'last').stdout }), 'line')
    expect(line).toBe('drained')

    const stored = (await site.stored()) as string[]
    const wanted = new Set(safe)
    expect(stored.filter(reading => wanted.has(reading))).toEqual(safe)
    // What was not said to be safe may be there, but not twice either.
    expect(new Set(stored).size).toBe(stored.length)
    expect(safe.length).toBeGreaterThan(rounds)
    const seconds = Math.round((performance.now() - startedAt) / 1000)
    console.info(
      `${rounds} kills, as many cuts and half-open networks, ${stops} stops of the hub in ${seconds} s: ` +
        `${safe.length} readings safe, ${stored.length} stored`,
    )
  },
  60_000 + rounds * 5_000,
)
