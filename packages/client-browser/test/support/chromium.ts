import { existsSync } from 'node:fs'
import { type Browser, type BrowserContext, chromium, type Page } from 'playwright-core'
import { it, onTestFinished } from 'vitest'

/** Debian's. */
const executablePath = '/usr/bin/chromium'
const args = ['--headless', '--no-sandbox', '--disable-gpu', '--disable-background-networking']

/** A test that takes a browser. Skipped where there is none, unless THINGMESH_REQUIRE_PEERS=1 makes that a failure. */
export function itInBrowser(name: string, test: () => Promise<void>, timeoutMs?: number): void {
  if (existsSync(executablePath) || process.env.THINGMESH_REQUIRE_PEERS === '1') it(name, test, timeoutMs)
  else it.skip(`${name} (skipped: chromium not installed)`, () => {})
}

/** A browser that keeps what its pages keep in that directory, as its user's would. */
export async function openProfile(directory: string): Promise<BrowserContext> {
  const context = await chromium.launchPersistentContext(directory, { executablePath, args })
  onTestFinished(() => context.close())
  return context
}

/** Started and ended by this test. */
export async function openBrowser(): Promise<Browser> {
  const browser = await launchBrowser()
  onTestFinished(() => browser.close())
  return browser
}

/** Whoever calls ends it. */
export function launchBrowser(): Promise<Browser> {
  return chromium.launch({ executablePath, args })
}

/** Settles when it is over: the page with its renderer, or the browser with all it had. */
export async function killProcess(page: Page, type: 'renderer' | 'browser'): Promise<void> {
  const browser = page.context().browser()!
  const session = await browser.newBrowserCDPSession()
  const { processInfo } = await session.send('SystemInfo.getProcessInfo')
  const over =
    type === 'renderer' ? page.waitForEvent('crash') : new Promise(resolve => page.context().once('close', resolve))
  // Of renderers there are more than the page's: whatever the browser keeps for pages to come.
  for (const { id } of processInfo.filter(process => process.type === type)) process.kill(id, 'SIGKILL')
  await over
}
