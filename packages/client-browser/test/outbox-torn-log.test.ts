import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import type { Page } from 'playwright-core'
import { expect, onTestFinished, vi } from 'vitest'
import { itInBrowser, killProcess, openProfile } from './support/chromium.ts'
import { damageLog, newestLog, tearLog } from './support/leveldb-log.ts'
import { openApp, serveApp } from './support/web-server.ts'

/** A browser whose pages are of one origin, and which starts again on what it kept. */
async function browserWithData() {
  const directory = await mkdtemp(join(tmpdir(), 'thingmesh-profile-'))
  onTestFinished(() => rm(directory, { recursive: true, force: true, maxRetries: 10 }))
  const origin = await serveApp()
  return {
    directory,
    openPage: async (): Promise<Page> => openApp(origin, await openProfile(directory)),
  }
}

/** Opens the outbox and adds one entry. What it was told to be lost, and the sequences that it found. */
const addEntry = (page: Page, sequence: number) =>
  page.evaluate(async sequence => {
    const lost: string[] = []
    const outbox = app.thingmesh.indexedDbOutbox({ name: 'a', onLost: why => lost.push(why) })
    const found = (await outbox.open()).map(entry => entry.sequence)
    await outbox.write([app.entryOf(sequence)], [])
    return { lost, found }
  }, sequence)

itInBrowser('an outbox keeps what it has where kill after kill tears what the browser was writing', async () => {
  const { directory, openPage } = await browserWithData()
  let torn = ''
  for (const sequence of [1, 2, 3]) {
    const page = await openPage()
    const before = Array.from({ length: sequence - 1 }, (_, n) => n + 1)
    expect(await addEntry(page, sequence)).toEqual({ lost: [], found: before })
    // The browser does it when it finds the time: a machine that is busy may take some hundred milliseconds.
    await vi.waitFor(async () => expect(await newestLog(directory)).not.toBe(torn), { timeout: 10_000 })
    await killProcess(page, 'browser')
    torn = await tearLog(directory)
  }
})

itInBrowser('an outbox tells where the browser has thrown away what was damaged, and goes on', async () => {
  const { directory, openPage } = await browserWithData()
  const page = await openPage()
  await addEntry(page, 1)
  await killProcess(page, 'browser')
  await damageLog(directory)
  const next = await openPage()
  expect(await addEntry(next, 2)).toEqual({ lost: [expect.stringContaining('corrupt')], found: [] })
  await next.reload()
  expect(await addEntry(next, 3)).toEqual({ lost: [], found: [2] })
})
