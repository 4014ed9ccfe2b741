import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { appendFile, mkdtemp, open, readFile, rm, stat, symlink, truncate, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { basename, dirname, join, relative } from 'node:path'
import { fileURLToPath } from 'node:url'
import { connect, fileOutbox, type OutboxEntry } from '@thingmesh/client-node'
import { outboxCases } from '@thingmesh/core/testing'
import { describe, expect, it, onTestFinished, vi } from 'vitest'

const holderFile = fileURLToPath(new URL('outbox-holder.ts', import.meta.url))

async function newPath(): Promise<string> {
  const directory = await mkdtemp(join(tmpdir(), 'thingmesh-outbox-'))
  onTestFinished(() => rm(directory, { recursive: true, force: true }))
  return join(directory, 'deeper', 'outbox')
}

const entry = (sequence: number, bytes = 10): OutboxEntry => ({
  sequence,
  key: `k.${sequence}`,
  topic: 'a/b',
  payload: new Uint8Array(bytes).fill(sequence),
  contentType: '',
  delivery: 'at-least-once',
  retain: false,
  storedAtMs: sequence,
})

/** A file that holds entries 1 to 3, and where each of them ends. */
async function written(): Promise<{ readonly path: string; readonly ends: readonly number[] }> {
  const path = await newPath()
  const outbox = fileOutbox({ path })
  await outbox.open()
  const ends = [8]
  for (const sequence of [1, 2, 3]) {
    await outbox.write([entry(sequence)], [])
    ends.push((await stat(path)).size)
  }
  await outbox.close()
  return { path, ends }
}

async function sequences(path: string): Promise<number[]> {
  const outbox = fileOutbox({ path })
  const entries = await outbox.open()
  await outbox.close()
  return entries.map(({ sequence }) => sequence)
}

describe.each(['disk', 'process'] as const)('the file outbox, safe to %s', durability => {
  for (const { name, run } of outboxCases) {
    it(name, async () => {
      const path = await newPath()
      await run(() => fileOutbox({ path, durability }))
    })
  }
})

describe.runIf(process.platform === 'linux')('one client at a time', () => {
  it('a second one is refused, by whichever path it comes, and has it when the first one is closed', async () => {
    const path = await newPath()
    const first = fileOutbox({ path })
    await first.open()
    await symlink(dirname(path), join(dirname(dirname(path)), 'link'))
    for (const other of [path, relative('.', path), join(dirname(dirname(path)), 'link', basename(path))]) {
      await expect(fileOutbox({ path: other }).open()).rejects.toMatchObject({ code: 'conflict', outcome: 'not-sent' })
    }
    await first.write([entry(1)], [])
    await first.close()
    expect(await sequences(path)).toEqual([1])
  })

  it('another file in the directory is another outbox', async () => {
    const path = await newPath()
    const outboxes = [fileOutbox({ path }), fileOutbox({ path: `${path}2` })]
    for (const outbox of outboxes) await outbox.open()
    for (const outbox of outboxes) await outbox.close()
  })

  it('one that could not be opened is in nobody’s hands', async () => {
    const { path } = await written()
    const whole = await readFile(path)
    await writeFile(path, 'my dear diary')
    const outbox = fileOutbox({ path })
    await expect(outbox.open()).rejects.toMatchObject({ code: 'unsupported' })
    await writeFile(path, whole)
    expect(await sequences(path)).toEqual([1, 2, 3])
  })

  it('a client is refused whose outbox another process has, until that one is killed', async () => {
    const { path } = await written()
    const holder = spawn(process.execPath, ['--conditions=@thingmesh/source', holderFile, path], {
      stdio: ['ignore', 'pipe', 'inherit'],
    })
    onTestFinished(() => void holder.kill('SIGKILL'))
    await once(holder.stdout, 'data')
    const options = { thing: 'sensor', key: 'k', outbox: fileOutbox({ path }) }
    await expect(connect('mqtt://127.0.0.1:1', options)).rejects.toMatchObject({
      code: 'conflict',
      message: `another client has the outbox ${path} open`,
    })
    holder.kill('SIGKILL')
    await once(holder, 'exit')
    expect(await sequences(path)).toEqual([1, 2, 3])
  })
})

describe('the file of an outbox', () => {
  it('loses no whole entry, wherever its end is torn off', async () => {
    const { path, ends } = await written()
    const whole = await readFile(path)
    for (let length = 0; length <= whole.length; length++) {
      await writeFile(path, whole)
      await truncate(path, length)
      expect(await sequences(path)).toEqual([1, 2, 3].filter(n => ends[n]! <= length))
    }
  })

  it('goes on behind a torn end, and does not find it again', async () => {
    const { path, ends } = await written()
    await truncate(path, ends[3]! - 1)
    const outbox = fileOutbox({ path })
    expect(await outbox.open()).toHaveLength(2)
    await outbox.write([entry(4)], [])
    await outbox.close()
    expect(await sequences(path)).toEqual([1, 2, 4])
  })

  it('takes no entry whose bytes have changed, and keeps what lay behind it for who wants to look', async () => {
    const { path, ends } = await written()
    const whole = await readFile(path)
    for (let at = ends[1]! + 8; at < ends[2]!; at++) {
      const changed = Buffer.from(whole)
      changed[at] = changed[at]! ^ 1
      await writeFile(path, changed)
      expect(await sequences(path)).toEqual([1])
      expect((await readFile(`${path}.damaged`)).length).toBe(whole.length - ends[1]!)
    }
  })

  it('is refused where it is something else', async () => {
    const path = await newPath()
    await sequences(path)
    await writeFile(path, 'my dear diary')
    await expect(fileOutbox({ path }).open()).rejects.toMatchObject({
      code: 'unsupported',
      message: `${path} is no outbox, or one of another version`,
    })
    expect(await readFile(path, 'utf8')).toBe('my dear diary')
  })

  it('says as what it is that there cannot be one', async () => {
    const path = await newPath()
    await sequences(path)
    for (const [place, code] of [
      [dirname(path), 'EISDIR'],
      [join(path, 'below'), 'EEXIST'],
    ] as const) {
      const refused = {
        code: 'unavailable',
        outcome: 'not-sent',
        message: expect.stringContaining(`${place} could not be opened (${code})`),
      }
      await expect(connect('mqtt://127.0.0.1', { outbox: fileOutbox({ path: place }) })).rejects.toMatchObject(refused)
    }
  })

  it('is written anew when most of it is of no use, and keeps what is', async () => {
    const path = await newPath()
    const outbox = fileOutbox({ path, compactBytesMin: 10_000 })
    await outbox.open()
    await outbox.write([entry(1)], [])
    let largest = 0
    for (let n = 2; n <= 200; n++) {
      await outbox.write([entry(n, 1_000)], [])
      await outbox.write([], [n])
      largest = Math.max(largest, (await stat(path)).size)
    }
    await outbox.close()
    expect(largest).toBeLessThan(15_000)
    expect(await sequences(path)).toEqual([1])
  })

  it('syncs what is gone often enough that a hub still knows the keys of what a power cut brings back', async () => {
    const path = await newPath()
    await sequences(path)
    const file = await open(path)
    const datasync = vi.spyOn(Object.getPrototypeOf(file), 'datasync')
    onTestFinished(() => datasync.mockRestore())
    await file.close()
    const outbox = fileOutbox({ path, compactBytesMin: 1e9 })
    await outbox.open()
    const all = Array.from({ length: 1_024 }, (_, n) => n + 1)
    await Promise.all(all.map(sequence => outbox.write([entry(sequence)], [])))
    datasync.mockClear()
    for (let syncs = 1; syncs <= 4; syncs++) {
      for (const sequence of all.splice(0, 256)) await outbox.write([], [sequence])
      await vi.waitFor(() => expect(datasync.mock.calls.length).toBe(syncs))
    }
    await outbox.close()
  })

  it('takes nothing before it is open and after it is closed', async () => {
    const { path } = await written()
    const outbox = fileOutbox({ path })
    await expect(outbox.write([entry(9)], [])).rejects.toThrow(TypeError)
    await outbox.open()
    await outbox.close()
    await expect(outbox.write([entry(9)], [])).rejects.toThrow(TypeError)
    expect(await sequences(path)).toEqual([1, 2, 3])
  })

  it('is not fooled by a file of zeros behind it, as a power cut may leave', async () => {
    const { path } = await written()
    await appendFile(path, Buffer.alloc(4_096))
    expect(await sequences(path)).toEqual([1, 2, 3])
  })

  it('a file that was begun and not written is empty', async () => {
    const path = await newPath()
    await sequences(path)
    await (await open(path, 'w')).close()
    expect(await sequences(path)).toEqual([])
  })
})
