import { execFileSync, fork, spawn } from 'node:child_process'
import { once } from 'node:events'
import { mkdtempSync, rmSync, statSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { createInterface } from 'node:readline'
import type { Worker } from 'node:worker_threads'
import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest'
import { sqliteStore } from '../../src/store/sqlite/index.ts'
import { testMessage } from '../../src/testing/messages.ts'
import { readAll } from '../../src/testing/store-suite.ts'

const { workers } = vi.hoisted(() => ({ workers: [] as Worker[] }))

vi.mock('node:worker_threads', async importOriginal => {
  const original = await importOriginal<typeof import('node:worker_threads')>()
  class SeenWorker extends original.Worker {
    constructor(...options: ConstructorParameters<typeof original.Worker>) {
      super(...options)
      workers.push(this)
    }
  }
  return { ...original, Worker: SeenWorker }
})

const execArgv = ['--conditions=@thingmesh/source']
let directory = ''
let path = ''

beforeEach(() => {
  directory = mkdtempSync(join(tmpdir(), 'thingmesh-store-'))
  path = join(directory, 'hub.db')
})

afterEach(() => rmSync(directory, { recursive: true }))

describe('kill -9', () => {
  it('loses nothing that settled, and keeps batches whole and in order', { timeout: 60_000 }, async () => {
    const batchSize = 10
    let settled = 0
    for (let round = 0; round < 5; round++) {
      const child = spawn(
        process.execPath,
        [...execArgv, join(import.meta.dirname, 'appending-child.ts'), path, `${batchSize}`],
        { stdio: ['ignore', 'pipe', 'inherit'] },
      )
      let lines = 0
      for await (const line of createInterface(child.stdout)) {
        settled = Math.max(settled, Number(line))
        if (++lines === 20 + 7 * round) child.kill('SIGKILL')
      }
      if (child.signalCode === null) await once(child, 'exit')
      expect(child.signalCode).toBe('SIGKILL')

      const store = sqliteStore({ path })
      await store.start()
      const sequences = (await readAll(store)).map(({ sequence }) => sequence)
      expect(sequences).toEqual(sequences.map((_, i) => i + 1))
      expect(sequences.length).toBeGreaterThanOrEqual(settled)
      expect(sequences.length % batchSize).toBe(0)
      expect(store.log.nextSequence).toBe(sequences.length + 1)
      // The last values went in with their batches.
      const last = (await store.retained.topics()).map(({ sequence }) => sequence)
      expect(Math.max(...last)).toBe(sequences.length - batchSize + 1)
      await store.stop()
    }
  })
})

describe('a full disk', () => {
  // The system's limit on the size of files stands in for it: a process may lower and raise its own without privileges.
  it.runIf(process.platform === 'linux')('refuses, stores nothing of it, and goes on when there is room', async () => {
    const limit = (bytes: string) => execFileSync('prlimit', ['--pid', `${child.pid}`, `--fsize=${bytes}:unlimited`])
    const child = fork(join(import.meta.dirname, 'obeying-child.ts'), [path], { execArgv })
    const answer = async (sequence: number) => {
      child.send(sequence)
      return (await once(child, 'message'))[0] as string
    }
    await once(child, 'message')
    expect(await answer(1)).toBe('ok')
    limit(`${statSync(`${path}-wal`).size + 150_000}`)
    const answers: string[] = []
    for (let sequence = 2; sequence <= 5; sequence++) answers.push(await answer(sequence))
    expect(answers).toContain('unavailable')
    expect(answers.slice(answers.indexOf('unavailable'))).not.toContain('ok')
    limit('unlimited')
    expect(await answer(6)).toBe('ok')
    child.disconnect()
    await once(child, 'exit')

    const store = sqliteStore({ path })
    await store.start()
    const stored = [1, ...answers.flatMap((text, i) => (text === 'ok' ? [i + 2] : [])), 6]
    expect((await readAll(store)).map(({ sequence }) => sequence)).toEqual(stored)
    expect(await store.retained.topics()).toEqual([{ domain: 'd1', topic: 'a', sequence: 6 }])
    await store.stop()
  })
})

describe('a worker that dies', () => {
  it('rejects what is pending and all that follows, and can be started again', async () => {
    const store = sqliteStore({ path })
    await store.start()
    await store.log.append([testMessage({ topic: 'a', sequence: 1 })])
    const worker = workers.at(-1)!
    // What is asked from here on does not reach it, so that it cannot be answered in time.
    vi.spyOn(worker, 'postMessage').mockImplementation(() => undefined)
    const pending = [
      store.log.append([testMessage({ topic: 'a', sequence: 2 })]),
      store.retained.topics(),
      store.log.prune([{ domain: 'd1', channel: 'a', beforeMs: 0 }]),
    ]
    await worker.terminate()
    for (const outcome of await Promise.allSettled(pending)) {
      expect(outcome).toMatchObject({ status: 'rejected', reason: { code: 'unavailable' } })
    }
    await expect(store.sessions.load()).rejects.toMatchObject({ code: 'unavailable' })
    await store.stop()
    await store.start()
    expect(await readAll(store)).toHaveLength(1)
    await store.stop()
  })
})
