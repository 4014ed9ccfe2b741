import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import type { BrowserContext, Page } from 'playwright-core'
import { expect, onTestFinished } from 'vitest'
import { itInBrowser, killProcess, openProfile } from './support/chromium.ts'
import { startSite } from './support/site.ts'

/** The ends that a page may come to. The last one is the whole browser's. */
const ends: readonly ((page: Page) => Promise<unknown>)[] = [
  page => page.reload(),
  page => killProcess(page, 'renderer'),
  page => page.close(),
  page => page.goto('chrome://crash').catch(() => undefined),
  page => killProcess(page, 'browser'),
]

/** By default each end has its turn. */
const rounds = Number(process.env.THINGMESH_ROUNDS || ends.length)

itInBrowser(
  `every reading that was safe is stored once, in order, over ${rounds} ends of its page while its hub comes and goes`,
  async () => {
    const site = await startSite()
    const directory = await mkdtemp(join(tmpdir(), 'thingmesh-profile-'))
    onTestFinished(() => rm(directory, { recursive: true, force: true, maxRetries: 10 }))
    const how = site.how('ws')
    const startedAt = performance.now()
    const safe: string[] = []
    let context: BrowserContext | undefined
    let isUp = true

    /** A page that has begun a life, of which the first reading is safe. */
    const begin = async (life: number): Promise<Page> => {
      context ??= await openProfile(directory)
      context.once('close', () => {
        context = undefined
      })
      const page = await site.openPage(context)
      let heard = (): void => undefined
      const first = new Promise<void>(resolve => {
        heard = resolve
      })
      await page.exposeFunction('said', (line: string) => {
        safe.push(line)
        heard()
      })
      const living = page.evaluate(
        async ({ url, options, life }) => {
          // The page before this one may be about to go: it is waited for.
          const outbox = app.thingmesh.indexedDbOutbox({ name: 'readings', waitMs: Number.POSITIVE_INFINITY })
          const client = await app.thingmesh.connect(url, { ...options, outbox, backoff: { firstMs: 5, maxMs: 50 } })
          await app.publishForEver(client, life)
        },
        { ...how, life },
      )
      // It ends with the page, unless something is wrong before.
      await Promise.race([first, living])
      living.catch(() => undefined)
      return page
    }

    for (let life = 0; life < rounds; life++) {
      const page = await begin(life)
      // The moment of the end is chance: that is the point, and nothing waits for it to be over.
      await sleep(Math.random() * 200)
      if (life % 4 === 1 || life % 4 === 3) {
        await (isUp ? site.stop() : site.start())
        isUp = !isUp
      }
      await ends[life % ends.length]!(page)
      if (context !== undefined && !page.isClosed()) await page.close()
    }
    if (!isUp) await site.start()
    context ??= await openProfile(directory)
    const page = await site.openPage(context)
    const left = await page.evaluate(async ({ url, options }) => {
      const outbox = app.thingmesh.indexedDbOutbox({ name: 'readings', waitMs: Number.POSITIVE_INFINITY })
      const client = await app.thingmesh.connect(url, { ...options, outbox })
      await client.drain()
      const { count } = client.outbox.stats()
      await client.close()
      return count
    }, how)
    expect(left).toBe(0)

    const stored = (await site.stored()) as string[]
    const wanted = new Set(safe)
    expect(stored.filter(reading => wanted.has(reading))).toEqual(safe)
    // What was not said to be safe may be there, but not twice either.
    expect(new Set(stored).size).toBe(stored.length)
    expect(safe.length).toBeGreaterThan(rounds)
    const seconds = Math.round((performance.now() - startedAt) / 1000)
    console.info(`${rounds} ends of a page in ${seconds} s: ${safe.length} readings safe, ${stored.length} stored`)
  },
  30_000 + rounds * 10_000,
)
