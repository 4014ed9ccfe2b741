import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import axe from 'axe-core'
import { connectAsync } from 'mqtt'
import { type Browser, chromium, type Page } from 'playwright-core'
import { afterAll, beforeAll, describe, expect, it, onTestFinished, vi } from 'vitest'
import { dashboardPages } from '../dashboard/pages.ts'
import { startExample } from './child.ts'
import { type DashboardSite, openDashboardSite } from './dashboard-site.ts'
import { hasPeer } from './peers.ts'

const args = ['--headless', '--no-sandbox', '--disable-gpu', '--disable-background-networking']
const desktop = { width: 1280, height: 900 }
/** Not a time-out to reach: the machine may be busy. */
const soon = { timeout: 10_000 }
const phone = { width: 360, height: 740 }

interface Look {
  readonly viewport?: { readonly width: number; readonly height: number }
  readonly colorScheme?: 'light' | 'dark'
}

describe.skipIf(!hasPeer('chromium') || !hasPeer('coap-client-notls'))(
  'the dashboard [chromium, coap-client-notls]',
  () => {
    let browser: Browser
    let site: DashboardSite

    beforeAll(async () => {
      site = await openDashboardSite(await dashboardPages())
      browser = await chromium.launch({ executablePath: '/usr/bin/chromium', args })
    })
    afterAll(async () => {
      await browser?.close()
      await site?.[Symbol.asyncDispose]()
    })

    /** What the browser complains of, a violated policy above all, is a failure. */
    async function open(address: string, { viewport = desktop, colorScheme = 'light' }: Look = {}) {
      const context = await browser.newContext({ viewport, colorScheme, reducedMotion: 'reduce' })
      onTestFinished(() => context.close())
      const page = await context.newPage()
      const complaints: string[] = []
      page.on('pageerror', error => complaints.push(error.message))
      page.on('console', message => {
        // Of a hub that is not there, or refuses, the browser writes down itself what the page shows.
        if (message.type() === 'error' && !message.text().startsWith('Failed to load resource'))
          complaints.push(message.text())
      })
      await page.goto(address)
      return { page, complaints }
    }
    const connected = (page: Page) => page.getByRole('status').getByText('Connected', { exact: true }).waitFor()
    const headings = (page: Page) => page.getByRole('heading', { name: 'telemetry', exact: true }).waitFor()

    /** What the chart says in words, newest first. */
    async function readingsOf(page: Page, name: string): Promise<number[]> {
      const chart = page.locator('figure').filter({ has: page.getByText(name, { exact: true }) })
      const table = chart.locator('details')
      if ((await table.getAttribute('open')) === null) await table.getByText('Readings').click()
      return (await table.locator('tbody td').allTextContents()).map(Number)
    }
    const down = (from: number, to: number) => Array.from({ length: from - to + 1 }, (_, i) => from - i)

    it('shows a reading that is published over CoAP within a second', async () => {
      const { page, complaints } = await open(await site.link())
      await connected(page)
      await headings(page)
      const tookMs: number[] = []
      // Of three, because somebody else may be at work on this machine.
      for (const celsius of [21.25, 22.25, 23.25]) {
        const startedAt = performance.now()
        const seen = page.locator('output').getByText(String(celsius), { exact: true }).waitFor()
        await site.publishOverCoap(`{"celsius":${celsius}}`)
        await seen
        tookMs.push(performance.now() - startedAt)
      }
      expect(Math.min(...tookMs)).toBeLessThan(1_000)
      await page.getByRole('row', { name: /sensor.*CoAP just now/ }).waitFor()
      expect(complaints).toEqual([])
    })

    it('has every reading once, from before it was opened, from while the hub was away, and from after', async () => {
      for (let n = 1; n <= 10; n++) expect(await site.publish({ n })).toBe(202)
      const { page, complaints } = await open(await site.link())
      // These while it connects, one with each frame: they come as history, live, or as both.
      for (let n = 11; n <= 50; n++) {
        await site.publish({ n })
        await page.evaluate('new Promise(requestAnimationFrame)')
      }
      await connected(page)
      await vi.waitFor(async () => expect(await readingsOf(page, 'n')).toEqual(down(50, 1)), soon)
      await site.stop()
      await page
        .getByRole('status')
        .getByText(/^Offline – /)
        .waitFor()
      const form = page.getByRole('region', { name: 'Publish to telemetry' })
      await form.getByLabel('Payload').fill('"while you were away"')
      await form.getByRole('button', { name: 'Publish' }).click()
      await form.getByText(/^There is no hub now/).waitFor()
      await site.start()
      // The page is not back yet.
      for (let n = 51; n <= 70; n++) await site.publish({ n })
      await connected(page)
      await form.getByText(/^Stored as /).waitFor()
      for (let n = 71; n <= 80; n++) await site.publish({ n })
      await vi.waitFor(async () => expect(await readingsOf(page, 'n')).toEqual(down(80, 1)), soon)
      expect(complaints).toEqual([])
    })

    it('holds nothing open while nobody looks, and then has what it missed', async () => {
      const { page } = await open('about:blank')
      await page.clock.install()
      await page.goto(await site.link())
      await connected(page)
      await vi.waitFor(async () => expect((await readingsOf(page, 'n')).length).toBeGreaterThan(0), soon)
      const show = (state: 'hidden' | 'visible') =>
        page.evaluate(
          `Object.defineProperty(document, 'visibilityState', { value: '${state}', configurable: true }); document.dispatchEvent(new Event('visibilitychange'))`,
        )
      const streams = () =>
        site.hub.meter.collect().find(({ name }) => name === 'thingmesh_http_streams')?.samples[0]?.value
      await vi.waitFor(() => expect(streams()).toBe(2), soon)
      await show('hidden')
      await page.clock.fastForward(10_000)
      await vi.waitFor(() => expect(streams()).toBe(0), soon)
      await site.publish({ n: 81 })
      await show('visible')
      await vi.waitFor(async () => expect((await readingsOf(page, 'n')).slice(0, 2)).toEqual([81, 80]), soon)
      expect(streams()).toBe(2)
    })

    it('shows who comes and goes', async () => {
      const { page } = await open(await site.link())
      const row = page.getByRole('row', { name: /^sensor/ })
      await row.waitFor()
      const device = await connectAsync(`mqtt://127.0.0.1:${site.mqttPort}`, { username: 'sensor', password: site.key })
      await row.getByText(/^MQTT since /).waitFor()
      await page.getByText('1 of 1 connected').waitFor()
      // As devices of MQTT 3.1.1 do: without a word of what it is.
      await device.publishAsync('telemetry/room2', '{"lux":7.25}', { qos: 1 })
      await page.locator('output').getByText('7.25', { exact: true }).waitFor()
      await device.endAsync()
      await row.getByText(/^MQTT just now$/).waitFor()
      await page.getByText('0 of 1 connected').waitFor()
    })

    it('creates a thing and shows its key this once', async () => {
      const { page, complaints } = await open(await site.link())
      await headings(page)
      await page.getByRole('button', { name: 'Create thing' }).click()
      const dialog = page.getByRole('dialog', { name: 'Create a thing' })
      await dialog.getByLabel('Name').fill('new one')
      await dialog.getByLabel('Tags').fill('lab, first floor')
      await dialog.getByRole('button', { name: 'Create' }).click()
      const key = await dialog.getByLabel('Key of new one').textContent()
      expect(key).toMatch(/^tmk_/)
      expect(await site.publish({ from: 1 }, key!)).toBe(202)
      await dialog.getByRole('button', { name: 'I have it' }).click()
      await page.getByRole('row', { name: /new one.*HTTP just now/ }).waitFor()
      expect(await page.content()).not.toContain(key)
      expect((await site.hub.control.things.get('new one')).tags).toEqual(['lab', 'first floor'])
      // The name is taken now, and that is said.
      await page.getByRole('button', { name: 'Create thing' }).click()
      await dialog.getByLabel('Name').fill('new one')
      await dialog.getByRole('button', { name: 'Create' }).click()
      await dialog.getByText(/^conflict: /).waitFor()
      await page.keyboard.press('Escape')
      await dialog.waitFor({ state: 'detached' })
      expect(complaints).toEqual([])
    })

    it('publishes, and shows everything about what was published', async () => {
      const { page, complaints } = await open(await site.link())
      await connected(page)
      const form = page.getByRole('region', { name: 'Publish to telemetry' })
      await form.getByLabel('Subtopic').fill('from/page')
      await form.getByLabel('Payload').fill('{"<b>": 1')
      await form.getByRole('button', { name: 'Publish' }).click()
      await form.getByText(/^That is not JSON/).waitFor()
      expect(await form.getByLabel('Payload').getAttribute('aria-invalid')).toBe('true')
      await form.getByLabel('Payload').fill('{"<b>": 1}')
      await form.getByLabel('Payload').press('Tab')
      await page.keyboard.press('Tab')
      await page.keyboard.press('Enter')
      const stored = form.getByText(/^Stored as /)
      await stored.waitFor()
      const id = (await stored.textContent())!.slice('Stored as '.length)
      const messages = page.getByRole('region', { name: 'Messages' })
      await messages.getByLabel('Find').fill('from/page')
      await messages.getByRole('button', { name: 'telemetry/from/page' }).click()
      const detail = page.getByRole('complementary', { name: 'The message that was chosen' })
      await detail.getByText(id, { exact: true }).waitFor()
      expect(await detail.getByLabel('Payload').textContent()).toBe('{\n  "<b>": 1\n}')
      await detail.getByText('this page, over HTTP').waitFor()
      await messages.getByRole('button', { name: 'Go on' }).waitFor()
      await detail.getByRole('button', { name: 'Close' }).click()
      expect(await page.evaluate('document.activeElement.textContent')).toBe('telemetry/from/page')
      expect(complaints).toEqual([])
    })

    it('takes the token out of the address and the history, and keeps it for this tab', async () => {
      const link = await site.link()
      const { page } = await open(link)
      await connected(page)
      expect(page.url()).toBe(`${site.url}/`)
      await page.reload()
      await connected(page)
      await page.goBack()
      expect(page.url()).toBe('about:blank')
      const stranger = await open(site.url)
      await stranger.page.getByLabel('Operator token').fill(link.split('=')[1]!)
      await stranger.page.getByRole('button', { name: 'Open' }).click()
      await connected(stranger.page)
    })

    it('asks for another token when the one it has is over', async () => {
      const { page } = await open(await site.link())
      await connected(page)
      for (const { id, name } of (await site.hub.control.tokens.list()).items) {
        if (name === 'dashboard') await site.hub.control.tokens.revoke(id)
      }
      await page.getByLabel('Operator token').waitFor()
      await page.getByText(/^unauthenticated: /).waitFor()
      expect(await page.evaluate('sessionStorage.length')).toBe(0)
    })

    it('offers no change to who may only look', async () => {
      const { page } = await open(await site.link({ scope: 'read' }))
      await headings(page)
      await page.getByRole('row', { name: /^sensor/ }).waitFor()
      await page.getByText('This token may look, and not publish.').waitFor()
      expect(await page.getByRole('button', { name: /^Create/ }).count()).toBe(0)
      expect(await page.getByRole('button', { name: 'Publish' }).count()).toBe(0)
    })

    it('is as it should be for everybody: on a desktop and on a phone, light and dark', async () => {
      const { page } = await open(await site.link())
      await connected(page)
      await readingsOf(page, 'celsius')
      await page.getByRole('region', { name: 'Messages' }).locator('tbody button').first().click()
      await page.evaluate(axe.source)
      /** Of all rules, or of contrast alone: colours are what the schemes differ in. */
      const violations = async (rules = '') => {
        const found = await page.evaluate<{ violations: { id: string; impact: string; nodes: { html: string }[] }[] }>(
          `axe.run({ resultTypes: ['violations'], preload: false, ${rules} })`,
        )
        return found.violations.map(({ id, impact, nodes }) => `${impact}: ${id}: ${nodes[0]?.html}`)
      }
      const contrast = "runOnly: ['color-contrast']"
      const fits = () => page.evaluate('document.documentElement.scrollWidth <= innerWidth')
      expect(await violations()).toEqual([])
      await page.emulateMedia({ colorScheme: 'dark' })
      expect(await violations(contrast)).toEqual([])
      await page.setViewportSize(phone)
      expect(await fits()).toBe(true)
      expect(await violations()).toEqual([])
      await page.emulateMedia({ colorScheme: 'light' })
      expect(await violations(contrast)).toEqual([])
      await page.getByRole('button', { name: 'Create thing' }).click()
      expect(await fits()).toBe(true)
      expect(await violations()).toEqual([])
      await page.emulateMedia({ colorScheme: 'dark' })
      expect(await violations(contrast)).toEqual([])
    })

    it('is gone through by keyboard, in order and out again', async () => {
      const { page } = await open(await site.link())
      await connected(page)
      await page.locator('figure').first().waitFor()
      const names: string[] = []
      for (let tabs = 0; tabs < 200; tabs++) {
        await page.keyboard.press('Tab')
        const name = await page.evaluate<string>(
          "document.activeElement === document.body ? '' : document.activeElement.id || document.activeElement.textContent.slice(0, 40)",
        )
        if (name === '') break
        names.push(name)
      }
      expect(names[0]).toBe('To the readings')
      expect(names.length).toBeLessThan(200)
      expect(names).toEqual(
        expect.arrayContaining(['scheme', 'create-channel', 'topic', 'range', 'filter', 'Publish', 'create-thing']),
      )
    })

    it('has the colours that are asked for, also against the system', async () => {
      const { page } = await open(await site.link(), { colorScheme: 'light' })
      await connected(page)
      const ground = () => page.evaluate<string>('getComputedStyle(document.body).backgroundColor')
      const light = await ground()
      await page.getByLabel('Colours').selectOption('Dark')
      expect(await ground()).not.toBe(light)
      await page.reload()
      await connected(page)
      expect(await ground()).not.toBe(light)
      await page.getByLabel('Colours').selectOption('System')
      expect(await ground()).toBe(light)
    })
  },
)

it('the hub of the example prints where its dashboard is', async () => {
  const directory = await mkdtemp(join(tmpdir(), 'thingmesh-dashboard-'))
  onTestFinished(() => rm(directory, { recursive: true, force: true }))
  await using child = startExample('dashboard/server.ts', [], { cwd: directory, env: { HTTP_PORT: '0' } })
  const link = await child.lineWith(/#token=/)
  expect(await (await fetch(link)).text()).toContain('<title>Thingmesh</title>')
  child.process.kill('SIGTERM')
  expect(await child.exited()).toEqual({ code: 0, signal: null })
})
