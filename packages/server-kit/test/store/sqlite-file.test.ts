import { existsSync, mkdtempSync, readdirSync, rmSync, statSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { DatabaseSync } from 'node:sqlite'
import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import { type SqliteStore, sqliteStore } from '../../src/store/sqlite/index.ts'
import { testMessage } from '../../src/testing/messages.ts'
import { readAll } from '../../src/testing/store-suite.ts'

let directory = ''
let path = ''
const opened: SqliteStore[] = []

beforeEach(() => {
  directory = mkdtempSync(join(tmpdir(), 'thingmesh-store-'))
  path = join(directory, 'data', 'hub.db')
})

afterEach(async () => {
  for (const store of opened.splice(0)) await store.stop()
  rmSync(directory, { recursive: true })
})

async function open(): Promise<SqliteStore> {
  const store = sqliteStore({ path, durability: 'process' })
  opened.push(store)
  await store.start()
  return store
}

/** Changes the file as another program would, with the store stopped. */
function edit(statements: string): void {
  const db = new DatabaseSync(path)
  db.exec(statements)
  db.close()
}

function damage(segment: number): void {
  const db = new DatabaseSync(path)
  const body = db.prepare('SELECT body FROM segment WHERE id = ?').get(segment)?.body as Uint8Array
  body[40]! ^= 0x55
  db.prepare('UPDATE segment SET body = ? WHERE id = ?').run(body, segment)
  db.close()
}

describe('the file', () => {
  it.skipIf(process.platform === 'win32')('can be read by its owner only, and so can those beside it', async () => {
    const store = await open()
    await store.log.append([testMessage({ topic: 'a', sequence: 1 })])
    expect(statSync(join(directory, 'data')).mode & 0o777).toBe(0o700)
    const files = readdirSync(join(directory, 'data'))
    expect(files).toContain('hub.db-wal')
    for (const file of files) expect(statSync(join(directory, 'data', file)).mode & 0o777).toBe(0o600)
  })

  it('is used by one store at a time', async () => {
    const first = await open()
    const second = sqliteStore({ path, durability: 'process' })
    const refusal = { code: 'conflict', message: expect.stringContaining(path) }
    await expect(second.start()).rejects.toMatchObject(refusal)
    await expect(second.log.append([testMessage({ topic: 'a', sequence: 1 })])).rejects.toMatchObject({
      code: 'unavailable',
    })
    await first.log.append([testMessage({ topic: 'a', sequence: 1 })])
    await first.stop()
    await second.start()
    expect(await readAll(second)).toHaveLength(1)
    await second.stop()
  })

  it('has the idempotency keys that it was written with when each had a row of its own', async () => {
    await (await open()).stop()
    edit(`
      DROP TABLE key_batch;
      CREATE TABLE draft_key (
        sequence INTEGER PRIMARY KEY, domain TEXT NOT NULL, publisher TEXT NOT NULL, key TEXT NOT NULL
      ) STRICT;
      INSERT INTO draft_key VALUES (7, 'd', 'thing:1', ' "\\'), (9, 'd', 'thing:1', 'b');
      DROP TABLE epoch;
      PRAGMA user_version = 4;
    `)
    const store = await open()
    expect(await store.keys.load()).toEqual([
      { domain: 'd', publisher: 'thing:1', key: ' "\\', sequence: 7 },
      { domain: 'd', publisher: 'thing:1', key: 'b', sequence: 9 },
    ])
    await store.stop()
  })

  it('has the one epoch that it had when there was one for ever as its first, and goes on with others', async () => {
    const first = await open()
    await first.log.append([testMessage({ topic: 'a', sequence: 7 })])
    await first.stop()
    edit(`
      DROP TABLE epoch;
      INSERT INTO meta VALUES ('epoch', 'the only one');
      PRAGMA user_version = 5;
    `)
    const store = await open()
    const second = { epoch: store.log.id.epoch, first: 8 }
    expect(store.log.lineage).toEqual([{ epoch: 'the only one', first: 0 }, second])
    expect(second.epoch).toMatch(/^[0-9a-f]{32}$/)
    await store.log.append([testMessage({ topic: 'a', sequence: 8 })])
    await store.stop()
    const again = await open()
    expect(again.log.lineage).toEqual([
      { epoch: 'the only one', first: 0 },
      second,
      { epoch: again.log.id.epoch, first: 9 },
    ])
    await again.stop()
  })

  it('remembers the newest 4,096 epochs that something was appended in', async () => {
    await (await open()).stop()
    edit(`
      DELETE FROM epoch;
      WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < 4096)
        INSERT INTO epoch SELECT i * 10, 'e' || i FROM n;
      INSERT INTO meta VALUES ('reserved', 50000);
    `)
    const store = await open()
    expect([store.log.lineage.length, store.log.lineage[0]]).toEqual([4097, { epoch: 'e1', first: 10 }])
    await store.log.append([testMessage({ topic: 'a', sequence: 50_000 })])
    await store.stop()
    const again = await open()
    expect([again.log.lineage.length, again.log.lineage[0]]).toEqual([4097, { epoch: 'e2', first: 20 }])
    expect(again.log.lineage.at(-2)).toEqual({ epoch: store.log.id.epoch, first: 50_000 })
    await again.stop()
  })

  it('is refused when a newer release wrote it', async () => {
    await (await open()).stop()
    edit('PRAGMA user_version = 99')
    await expect(open()).rejects.toMatchObject({ code: 'unsupported', message: expect.stringContaining('99') })
  })

  it('is refused when it is something else', async () => {
    await (await open()).stop()
    edit('PRAGMA application_id = 1')
    await expect(open()).rejects.toMatchObject({ code: 'unsupported' })
    writeFileSync(path, 'x'.repeat(5000))
    await expect(open()).rejects.toMatchObject({ code: 'unavailable' })
    rmSync(path)
    path = join(directory, 'data')
    await expect(open()).rejects.toMatchObject({ code: 'unavailable' })
  })

  it('is not memory', () => {
    for (const path of [':memory:', '']) expect(() => sqliteStore({ path })).toThrow(TypeError)
  })

  it('starts again after it was stopped, in any order of calls', async () => {
    const store = sqliteStore({ path, durability: 'process' })
    await store.stop()
    expect(existsSync(path)).toBe(false)
    expect(() => store.log.id).toThrow(TypeError)
    const calls = [store.start(), store.start(), store.stop(), store.stop(), store.start()]
    await Promise.all(calls)
    await store.log.append([testMessage({ topic: 'a', sequence: 1 })])
    await store.stop()
    await store.start()
    expect(await readAll(store)).toHaveLength(1)
    await store.stop()
  })

  it('gives its room back when much was pruned', async () => {
    const store = await open()
    for (let i = 1; i <= 100; i++) {
      await store.log.append([testMessage({ topic: 'a', sequence: i, payload: new Uint8Array(100_000) })])
    }
    await store.stop()
    const before = statSync(path).size
    expect(before).toBeGreaterThan(10_000_000)
    const again = await open()
    const reports = await again.log.prune([{ domain: 'd1', channel: 'a', through: 99 }])
    expect(reports).toEqual([{ domain: 'd1', channel: 'a', messages: 99, bytes: 99 * 100_032, through: 99 }])
    expect(await readAll(again)).toHaveLength(1)
    await again.stop()
    expect(statSync(path).size).toBeLessThan(before / 2)
  })
})

describe('a damaged segment', () => {
  it('is named, and never read as something else; the rest is still there', async () => {
    const store = await open()
    for (let i = 1; i <= 3; i++) await store.log.append([testMessage({ topic: i === 2 ? 'b' : 'a', sequence: i })])
    await store.stop()
    damage(2)
    const again = await open()
    await expect(readAll(again)).rejects.toMatchObject({
      code: 'unavailable',
      message: expect.stringMatching(/segment 2 is damaged/),
    })
    expect(await readAll(again, { filters: [{ filter: 'a', after: 0 }] })).toHaveLength(2)
    // Merging leaves it alone, and retention gets rid of it.
    await again.compact()
    await expect(readAll(again)).rejects.toMatchObject({ code: 'unavailable' })
    await again.log.prune([{ domain: 'd1', channel: 'b', through: 2 }])
    expect(await readAll(again)).toHaveLength(2)
  })
})

describe('reading', () => {
  it('answers with what it has after a bounded look', async () => {
    const store = await open()
    const appends: Promise<void>[] = []
    // Each is too large to be merged, and some sixty of them are as much as one look takes.
    const payload = new Uint8Array(66_000)
    for (let sequence = 1; sequence <= 200; sequence++) {
      const topic = sequence === 100 ? 'a/rare' : 'a/common'
      appends.push(store.log.append([testMessage({ topic, sequence, payload })]))
    }
    await Promise.all(appends)
    for (const filter of ['a/rare', '+/rare']) {
      for (const newest of [false, true]) {
        const query = { domain: 'd1', filters: [{ filter, after: 0 }], limit: 10, bytesMax: 1e6, newest }
        const page = await store.log.read(query)
        expect(page).toMatchObject({ messages: [], complete: false })
        expect((await readAll(store, query)).map(({ sequence }) => sequence)).toEqual([100])
      }
    }
  })

  it('does not delay an append by all the reads that were asked for before it', async () => {
    const store = await open()
    const batch = Array.from({ length: 2_000 }, (_, i) => testMessage({ topic: 'a/b', sequence: i + 1 }))
    await store.log.append(batch)
    const query = { domain: 'd1', filters: [{ filter: 'a/#', after: 0 }], limit: 1_000, bytesMax: 1e6 }
    let answered = 0
    const reads = Array.from({ length: 200 }, async () => {
      const { messages } = await store.log.read(query)
      answered++
      return messages.length
    })
    await store.log.append([testMessage({ topic: 'a/b', sequence: 2_001 })])
    expect(answered).toBeLessThan(100)
    expect(new Set(await Promise.all(reads))).toEqual(new Set([1_000]))
  })

  it('passes over what belongs to others in bounded steps', async () => {
    const store = await open()
    const others = Array.from({ length: 20_000 }, (_, i) =>
      testMessage({ topic: `c${i}`, sequence: i + 10, domain: 'd2' }),
    )
    await store.log.append([testMessage({ topic: 'a', sequence: 1 })])
    for (let i = 0; i < others.length; i += 100) await store.log.append(others.slice(i, i + 100))
    await store.log.append([testMessage({ topic: 'a', sequence: 50_000 })])
    for (const newest of [false, true]) {
      const found = await readAll(store, { filters: [{ filter: '#', after: 0 }], newest })
      expect(found.map(({ sequence }) => sequence)).toEqual([1, 50_000])
    }
  })
})
