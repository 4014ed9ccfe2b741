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
import { startSite } from './support/site.ts'

const file = fileURLToPath(new URL('outbox-child.ts', import.meta.url))

function startChild(args: readonly string[]): ChildProcessByStdio<null, Readable, null> {
  const child = spawn(process.execPath, ['--conditions=@thingmesh/source', file, ...args], {
    stdio: ['ignore', 'pipe', 'inherit'],
  })
  onTestFinished(() => void child.kill('SIGKILL'))
  return child
}

it('every reading that was safe is stored once, in order, however often its device is killed and its hub goes', async () => {
  const site = await startSite()
  const directory = await mkdtemp(join(tmpdir(), 'thingmesh-kill-'))
  onTestFinished(() => rm(directory, { recursive: true, force: true }))
  const url = `mqtt://127.0.0.1:${site.proxy('mqtt').port}`
  const path = join(directory, 'outbox')
  const safe: string[] = []

  for (let life = 0; life < 20; life++) {
    const child = startChild([url, site.key, path, String(life)])
    const lines = createInterface({ input: child.stdout })
    const said = once(lines, 'line')
    lines.on('line', line => safe.push(line))
    const exited = once(child, 'close')
    await said
    // The moment of death is chance: that is the point, and nothing waits for it to be over.
    await sleep(Math.random() * 200)
    if (life % 4 === 1) await site.stop()
    if (life % 4 === 3) await site.start()
    if (life % 5 === 4) site.proxy('mqtt').cut()
    child.kill('SIGKILL')
    await exited
  }
  const last = startChild([url, site.key, path, 'last'])
  const [line] = await once(createInterface({ input: last.stdout }), 'line')
  expect(line).toBe('drained')

  const stored = (await site.stored()) as string[]
  const wanted = new Set(safe)
  expect(stored.filter(reading => wanted.has(reading))).toEqual(safe)
  // What was not said to be safe may be there, but not twice either.
  expect(new Set(stored).size).toBe(stored.length)
  expect(safe.length).toBeGreaterThan(20)
}, 120_000)
