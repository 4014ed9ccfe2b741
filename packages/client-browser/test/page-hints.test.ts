import type { Page } from 'playwright-core'
import { expect } from 'vitest'
import { itInBrowser } from './support/chromium.ts'
import { startSite } from './support/site.ts'

/** What a browser tells its page. The first is real; nobody looks at a headless page, puts it to sleep or goes back to it. */
const signs: Readonly<Record<string, (page: Page) => Promise<unknown>>> = {
  'the network is back': async page => {
    await page.context().setOffline(true)
    await page.context().setOffline(false)
  },
  'it is looked at again': page => page.evaluate(() => document.dispatchEvent(new Event('visibilitychange'))),
  'it is woken from sleep': page => page.evaluate(() => document.dispatchEvent(new Event('resume'))),
  'it is shown again out of the history': page => page.evaluate(() => dispatchEvent(new Event('pageshow'))),
}

itInBrowser('a page without its hub tries again at once when there is a sign that it may be worth while', async () => {
  const site = await startSite()
  const page = await site.openPage()
  const how = site.how('ws')
  for (const [sign, give] of Object.entries(signs)) {
    await site.stop()
    const client = await page.evaluateHandle(({ url, options }) => {
      // Nothing but a hint makes this one try again while the test runs.
      return app.thingmesh.connect(url, { ...options, backoff: { firstMs: 3_600_000, maxMs: 3_600_000 } })
    }, how)
    expect(await client.evaluate(({ currentStatus }) => currentStatus.state)).toBe('offline')
    await site.start()
    const connected = client.evaluate(async client => {
      for await (const { state } of client.status()) if (state === 'connected') return state
      return 'closed'
    })
    await give(page)
    expect(await connected, sign).toBe('connected')
    await client.evaluate(client => client.close())
  }
})
