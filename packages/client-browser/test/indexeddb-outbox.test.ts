import { mkdtemp, readdir, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import type { Browser, BrowserContext, Page } from 'playwright-core'
import { afterAll, describe, expect, onTestFinished } from 'vitest'
import { itInBrowser, launchBrowser, openProfile } from './support/chromium.ts'
import { type App, listen, openApp, serveApp } from './support/web-server.ts'

/** One browser for the tests of this file, and one origin: each test has a context, and so data, of its own. */
let shared: Promise<{ readonly browser: Browser; readonly app: App }> | undefined
const launch = async () => ({ browser: await launchBrowser(), app: await listen() })
afterAll(async () => {
  const started = await shared
  await started?.browser.close()
  started?.app.close()
})

async function openPages(count: 1): Promise<[Page]>
async function openPages(count: 2): Promise<[Page, Page]>
async function openPages(count: number): Promise<Page[]> {
  shared ??= launch()
  const { browser, app } = await shared
  const context = await browser.newContext()
  onTestFinished(() => context.close())
  return Promise.all(Array.from({ length: count }, () => openApp(app.origin, context)))
}

/** What the page finds in its outbox, which it then closes. */
const sequencesIn = (page: Page, name = 'a', waitMs = 2_000) =>
  page.evaluate(
    async ({ name, waitMs }) => {
      const outbox = app.thingmesh.indexedDbOutbox({ name, waitMs })
      const entries = await outbox.open()
      await outbox.close()
      return entries.map(({ sequence }) => sequence)
    },
    { name, waitMs },
  )

/** An outbox with so many entries, which the page keeps open. */
const filledIn = (page: Page, count: number, bytes = 3) =>
  page.evaluateHandle(
    async ({ count, bytes }) => {
      const outbox = app.thingmesh.indexedDbOutbox({ name: 'a' })
      await outbox.open()
      await Promise.all(Array.from({ length: count }, (_, n) => outbox.write([app.entryOf(n + 1, bytes)], [])))
      return outbox
    },
    { count, bytes },
  )

describe('the outbox in IndexedDB', () => {
  itInBrowser('does what every outbox does', async () => {
    const [page] = await openPages(1)
    const ran = await page.evaluate(async () => {
      const ran: string[] = []
      for (const durability of ['strict', 'relaxed'] as const) {
        for (const { name, run } of app.outboxCases) {
          const made = `${durability}: ${name}`
          const failure = await run(() => app.thingmesh.indexedDbOutbox({ name: made, durability })).catch(String)
          ran.push(failure === undefined ? made : `${made}: ${failure}`)
        }
      }
      return ran
    })
    const { outboxCases } = await import('@thingmesh/core/testing')
    expect(ran).toEqual(['strict', 'relaxed'].flatMap(how => outboxCases.map(({ name }) => `${how}: ${name}`)))
  })

  itInBrowser('is one page at a time, and the other one is told', async () => {
    const [first, second] = await openPages(2)
    const outbox = await filledIn(first, 2)
    const refused = await second.evaluate(async () => {
      const { connect, indexedDbOutbox, isThingmeshError } = app.thingmesh
      const error = await connect('ws://127.0.0.1:1', { outbox: indexedDbOutbox({ name: 'a', waitMs: 0 }) }).catch(
        e => e,
      )
      return isThingmeshError(error) ? [error.code, error.outcome, error.message] : String(error)
    })
    expect(refused).toEqual(['conflict', 'not-sent', 'another page keeps thingmesh-outbox:a: waited 0 ms'])
    const waiting = sequencesIn(second, 'a', 30_000)
    await outbox.evaluate(outbox => outbox.close())
    expect(await waiting).toEqual([1, 2])
  })

  itInBrowser('is let go of by a page that is reloaded, or crashes', async () => {
    const [first, second] = await openPages(2)
    await filledIn(first, 1)
    await first.reload()
    expect(await sequencesIn(first)).toEqual([1])
    await filledIn(first, 2)
    const crashed = first.waitForEvent('crash')
    await Promise.all([crashed, first.goto('chrome://crash').catch(() => undefined)])
    expect(await sequencesIn(second)).toEqual([1, 2])
  })

  itInBrowser('says what there is and what there may be where the browser has no room, and goes on', async () => {
    const [page] = await openPages(1)
    const cdp = await page.context().newCDPSession(page)
    await cdp.send('Storage.overrideQuotaForOrigin', { origin: new URL(page.url()).origin, quotaSize: 1_000_000 })
    const told = await page.evaluate(async () => {
      const { connect, indexedDbOutbox, isThingmeshError } = app.thingmesh
      const client = await connect('ws://127.0.0.1:1', { outbox: indexedDbOutbox({ name: 'a' }) })
      const telemetry = client.channel('telemetry')
      const receipts = [new Uint8Array(2_000_000), 'small', 'also small'].map(
        payload => telemetry.publish(payload).stored,
      )
      const settled = await Promise.allSettled(receipts)
      const kept = client.outbox.stats().count
      await client.close()
      return {
        kept,
        told: settled.map(result => {
          if (result.status === 'fulfilled') return 'kept'
          const { reason } = result
          return isThingmeshError(reason)
            ? { ...reason, message: reason.message, retryable: reason.retryable }
            : `${reason}`
        }),
      }
    })
    expect(told).toMatchObject({
      kept: 2,
      told: [
        {
          code: 'rate-limited',
          retryable: true,
          outcome: 'not-sent',
          message: 'no room for a draft of 2000000 bytes, the limit is untold',
          details: { found: 2_000_000 },
        },
        'kept',
        'kept',
      ],
    })
    expect(await sequencesIn(page)).toHaveLength(2)
  })

  itInBrowser('sets aside what is no draft, tells it, and gives the rest', async () => {
    const [page] = await openPages(1)
    const outbox = await filledIn(page, 3)
    await outbox.evaluate(outbox => outbox.close())
    const found = await page.evaluate(async () => {
      const open = () =>
        new Promise<IDBDatabase>((resolve, reject) => {
          const request = indexedDB.open('thingmesh-outbox:a')
          request.addEventListener('success', () => resolve(request.result))
          request.addEventListener('error', () => reject(request.error))
        })
      const all = (store: IDBObjectStore) =>
        new Promise<unknown[]>(resolve => {
          const request = store.getAll()
          request.addEventListener('success', () => resolve(request.result))
        })
      const before = await open()
      const entries = before.transaction('entries', 'readwrite').objectStore('entries')
      entries.put({ ...app.entryOf(2), payload: 'text' }, 2)
      before.close()
      const told: unknown[] = []
      const outbox = app.thingmesh.indexedDbOutbox({ name: 'a', onDamaged: ({ key }) => told.push(key) })
      const good = (await outbox.open()).map(({ sequence }) => sequence)
      await outbox.close()
      const after = await open()
      const damaged = await all(after.transaction('damaged').objectStore('damaged'))
      return { told, good, damaged }
    })
    expect(found).toEqual({
      told: [2],
      good: [1, 3],
      damaged: [{ key: 2, value: expect.objectContaining({ key: 'page.2', payload: 'text' }) }],
    })
    expect(await sequencesIn(page)).toEqual([1, 3])
  })

  itInBrowser('sets aside what the browser itself cannot read any more', async () => {
    const directory = await mkdtemp(join(tmpdir(), 'thingmesh-profile-'))
    onTestFinished(() => rm(directory, { recursive: true, force: true }))
    const origin = await serveApp()
    const use = async <Value>(work: (context: BrowserContext) => Promise<Value>): Promise<Value> => {
      const context = await openProfile(directory)
      const value = await work(context)
      await context.close()
      return value
    }
    await use(async context => {
      const page = await openApp(origin, context)
      await filledIn(page, 2)
      // Chromium keeps what is this large in files of their own.
      await page.evaluate(async () => {
        const outbox = app.thingmesh.indexedDbOutbox({ name: 'large' })
        await outbox.open()
        await outbox.write([app.entryOf(1)], [])
        const noise = crypto.getRandomValues(new Uint8Array(65_536))
        const payload = Uint8Array.from({ length: 1_000_000 }, (_, n) => noise[(n * 7919) % 65_536]!)
        await outbox.write([{ ...app.entryOf(2), payload }], [])
        await outbox.write([app.entryOf(3)], [])
        await outbox.close()
      })
    })
    const files = await readdir(directory, { recursive: true, withFileTypes: true })
    const blobs = files.filter(file => file.isFile() && file.parentPath.includes('.indexeddb.blob'))
    expect(blobs).toHaveLength(1)
    await rm(join(blobs[0]!.parentPath, blobs[0]!.name))
    await use(async context => {
      const page = await openApp(origin, context)
      expect(await sequencesIn(page, 'large')).toEqual([1, 3])
      expect(await sequencesIn(page, 'large')).toEqual([1, 3])
    })
  })

  itInBrowser('is not opened where a later version has written it', async () => {
    const [page] = await openPages(1)
    const refused = await page.evaluate(async () => {
      await new Promise<void>(resolve => {
        const request = indexedDB.open('thingmesh-outbox:a', 1_000)
        request.addEventListener('success', () => {
          request.result.close()
          resolve()
        })
      })
      const outbox = app.thingmesh.indexedDbOutbox({ name: 'a' })
      return outbox.open().catch(error => [error.code, error.message])
    })
    expect(refused).toEqual(['unsupported', 'thingmesh-outbox:a is of a later version than 1'])
  })

  itInBrowser('is opened whatever another page has left of its own opening, and beside others', async () => {
    const [page] = await openPages(1)
    const databases = await page.evaluate(async () => {
      const leave = (name: string, version: number): Promise<void> =>
        new Promise(resolve => {
          const request = indexedDB.open(`scratch-1-thingmesh-outbox:${name}`, version)
          request.addEventListener('success', () => {
            request.result.close()
            resolve()
          })
        })
      await leave('a', 1)
      // Of a later version, say: it is in nobody's way.
      await leave('b', 1_000)
      const outboxes = ['a', 'b', 'c'].map(name => app.thingmesh.indexedDbOutbox({ name }))
      await Promise.all(outboxes.map(outbox => outbox.open()))
      return (await indexedDB.databases()).map(({ name }) => name).sort()
    })
    expect(databases).toEqual([
      'scratch-1-thingmesh-outbox:b',
      'thingmesh-outbox:a',
      'thingmesh-outbox:b',
      'thingmesh-outbox:c',
    ])
  })

  itInBrowser('goes on where the user has cleared what the site keeps', async () => {
    const [page] = await openPages(1)
    const outbox = await filledIn(page, 3)
    const cdp = await page.context().newCDPSession(page)
    await cdp.send('Storage.clearDataForOrigin', { origin: new URL(page.url()).origin, storageTypes: 'indexeddb' })
    await outbox.evaluate(async outbox => {
      await outbox.write([app.entryOf(4)], [])
      await outbox.close()
    })
    expect(await sequencesIn(page)).toEqual([4])
  })

  itInBrowser('keeps the bytes of a payload, and not the memory around them', async () => {
    const [page] = await openPages(1)
    const bytes = await page.evaluate(async () => {
      const outbox = app.thingmesh.indexedDbOutbox({ name: 'a' })
      await outbox.open()
      const view = new Uint8Array(new ArrayBuffer(100_000), 10, 5)
      await outbox.write([{ ...app.entryOf(1), payload: view }], [])
      await outbox.close()
      const [entry] = await outbox.open()
      await outbox.close()
      return entry?.payload.buffer.byteLength
    })
    expect(bytes).toBe(5)
  })

  itInBrowser('takes nothing before it is open and after it is closed', async () => {
    const [page] = await openPages(1)
    const failures = await page.evaluate(async () => {
      const outbox = app.thingmesh.indexedDbOutbox({ name: 'a' })
      const failure = () => outbox.write([app.entryOf(9)], []).catch(error => error instanceof TypeError)
      const before = await failure()
      await outbox.open()
      await outbox.close()
      return [before, await failure()]
    })
    expect(failures).toEqual([true, true])
    expect(await sequencesIn(page)).toEqual([])
  })
})
