import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { DatabaseSync } from 'node:sqlite'
import type { Message } from '@thingmesh/core'
import fc from 'fast-check'
import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import type { MessageQuery } from '../../src/contracts/index.ts'
import { type SqliteStore, sqliteStore } from '../../src/store/sqlite/index.ts'
import { seededRandom, testMessage } from '../../src/testing/messages.ts'
import { readAll } from '../../src/testing/store-suite.ts'

let directory = ''
let path = ''

beforeEach(() => {
  directory = mkdtempSync(join(tmpdir(), 'thingmesh-store-'))
  path = join(directory, 'hub.db')
})

afterEach(() => rmSync(directory, { recursive: true }))

async function withStore(work: (store: SqliteStore) => Promise<void>): Promise<void> {
  const store = sqliteStore({ path, durability: 'process' })
  await store.start()
  try {
    await work(store)
  } finally {
    await store.stop()
  }
}

function count(table: 'segment' | 'span'): number {
  const db = new DatabaseSync(path, { readOnly: true })
  const n = Number(db.prepare(`SELECT count(*) AS n FROM ${table}`).get()?.n)
  db.close()
  return n
}

const queries: readonly Partial<MessageQuery>[] = [
  {},
  { limit: 7 },
  { newest: true, limit: 5 },
  { domain: 'd2' },
  { filters: [{ filter: 'big/#', after: 40 }] },
  {
    filters: [
      { filter: 'small', after: 0 },
      { filter: 'big/1', after: 90 },
    ],
    limit: 3,
  },
  { filters: [{ filter: '+/1', after: 10 }], newest: true },
  { before: 120, fromMs: 1_700_000_000_030, toMs: 1_700_000_000_200 },
]

async function view(store: SqliteStore): Promise<Message[][]> {
  const pages: Message[][] = []
  for (const query of queries) pages.push(await readAll(store, query))
  return pages
}

describe('merging', () => {
  it('changes no read, with pruning before, between and after', { timeout: 60_000 }, async () => {
    const step = fc.oneof(
      { weight: 6, arbitrary: fc.record({ batches: fc.integer({ min: 1, max: 30 }), seed: fc.nat() }) },
      { weight: 2, arbitrary: fc.constant('merge' as const) },
      {
        weight: 2,
        arbitrary: fc.record({
          channel: fc.constantFrom('big', 'small', 'other'),
          share: fc.double({ min: 0, max: 1, noNaN: true }),
        }),
      },
    )
    await fc.assert(
      fc.asyncProperty(fc.array(step, { minLength: 1, maxLength: 12 }), async steps => {
        rmSync(path, { force: true })
        await withStore(async store => {
          let next = 1
          let model: Message[] = []
          for (const step of steps) {
            if (step === 'merge') {
              const before = await view(store)
              await store.compact()
              expect(await view(store)).toEqual(before)
            } else if ('channel' in step) {
              const through = Math.floor(step.share * next)
              const plan = { domain: 'd1', channel: step.channel, through }
              const isGone = (m: Message) => m.domain === 'd1' && m.channel === step.channel && m.sequence <= through
              const gone = model.filter(isGone)
              const reports = await store.log.prune([plan])
              const bytes = gone.reduce((sum, { payload }) => sum + payload.length + 32, 0)
              const highest = Math.max(...gone.map(({ sequence }) => sequence))
              expect(reports).toEqual(
                gone.length === 0
                  ? []
                  : [{ domain: 'd1', channel: step.channel, messages: gone.length, bytes, through: highest }],
              )
              model = model.filter(message => !isGone(message))
            } else {
              const random = seededRandom(step.seed)
              for (let i = 0; i < step.batches; i++) {
                const batch = Array.from({ length: 1 + random(6) }, () => {
                  next += 1 + random(3)
                  const topic = ['big/1', 'big/2', 'small', 'other/1'][random(4)]!
                  const payload = new Uint8Array(topic.startsWith('big') ? 2000 : 10).fill(next)
                  return testMessage({ topic, sequence: next, payload, domain: random(5) === 0 ? 'd2' : 'd1' })
                })
                await store.log.append(batch)
                model.push(...batch)
              }
            }
            expect(await readAll(store, { limit: 50 })).toEqual(model.filter(({ domain }) => domain === 'd1'))
          }
        })
      }),
      { numRuns: 25 },
    )
  })

  it('leaves few rows, a channel with much in it by itself, and the same counts', async () => {
    await withStore(async store => {
      // All of it is less than a small run may be, so that what is merged on the way is merged again.
      for (let i = 0; i < 200; i++) {
        await store.log.append([
          testMessage({ topic: 'big', sequence: 2 * i + 1, payload: new Uint8Array(100) }),
          testMessage({ topic: `small${i % 10}`, sequence: 2 * i + 2 }),
        ])
      }
      await store.compact()
    })
    expect(count('segment')).toBe(2)
    expect(count('span')).toBe(11)
    await withStore(async store => {
      expect(await readAll(store)).toHaveLength(400)
      const reports = await store.log.prune([
        { domain: 'd1', channel: 'big', bytesMax: 0 },
        { domain: 'd1', channel: 'small3', through: 200 },
      ])
      expect(reports.map(({ messages, bytes }) => ({ messages, bytes }))).toEqual([
        { messages: 200, bytes: 200 * 132 },
        { messages: 10, bytes: 10 * 33 },
      ])
    })
    expect(count('segment')).toBe(1)
  })

  it('happens by itself, oldest first, and leaves the newest alone', async () => {
    await withStore(async store => {
      const appends: Promise<void>[] = []
      for (let i = 1; i <= 400; i++) appends.push(store.log.append([testMessage({ topic: 'a', sequence: i })]))
      await Promise.all(appends)
    })
    await withStore(async store => {
      // One look a turn: what is merged shows in nothing but the file, so the file is asked until it has been.
      await expect
        .poll(
          async () => {
            await store.stop()
            const segments = count('segment')
            await store.start()
            await readAll(store)
            return segments
          },
          { timeout: 20_000, interval: 200 },
        )
        .toBeLessThan(100)
      expect((await readAll(store)).map(({ sequence }) => sequence)).toEqual(
        Array.from({ length: 400 }, (_, i) => i + 1),
      )
    })
  })
})
