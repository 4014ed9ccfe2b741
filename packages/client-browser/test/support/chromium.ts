import { existsSync } from 'node:fs'
import { type Browser, chromium } from 'playwright-core'
import { it, onTestFinished } from 'vitest'

/** Debian's. */
const executablePath = '/usr/bin/chromium'
const args = ['--headless', '--no-sandbox', '--disable-gpu', '--disable-background-networking']

/** A test that takes a browser. Skipped where there is none, unless THINGMESH_REQUIRE_PEERS=1 makes that a failure. */
export function itInBrowser(name: string, test: () => Promise<void>, timeoutMs?: number): void {
  if (existsSync(executablePath) || process.env.THINGMESH_REQUIRE_PEERS === '1') it(name, test, timeoutMs)
  else it.skip(`${name} (skipped: chromium not installed)`, () => {})
}

/** Started and ended by this test. */
export async function openBrowser(): Promise<Browser> {
  const browser = await chromium.launch({ executablePath, args })
  onTestFinished(() => browser.close())
  return browser
}
