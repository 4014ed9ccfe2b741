import { chromium, type Page } from 'playwright-core'
import { onTestFinished } from 'vitest'

/** Debian's. */
const executablePath = '/usr/bin/chromium'
const args = ['--headless', '--no-sandbox', '--disable-gpu', '--disable-background-networking']

/** A page of that address in a browser that this test starts and ends. */
export async function openPage(url: string): Promise<Page> {
  const browser = await chromium.launch({ executablePath, args })
  onTestFinished(() => browser.close())
  const page = await browser.newPage()
  await page.goto(url)
  return page
}
