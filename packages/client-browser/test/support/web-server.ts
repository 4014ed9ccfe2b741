import { once } from 'node:events'
import { createServer } from 'node:http'
import type { AddressInfo } from 'node:net'
import { fileURLToPath } from 'node:url'
import { build } from 'esbuild'
import type { Browser, BrowserContext, Page } from 'playwright-core'
import { onTestFinished } from 'vitest'

/** Nothing but scripts of its own, and no `eval` of any kind (CSP level 3, section 4.2). */
const policy = "default-src 'none'; script-src 'self'; connect-src 'self' http://127.0.0.1:* ws://127.0.0.1:*"

const page = '<!doctype html><title>dashboard</title><script type="module" src="/app.js"></script>'

export interface App {
  readonly origin: string
  close(): void
}

/**
 * A site of somebody else's with the client in it, under a strict policy. `onCall` is what a page does by a request to
 * `/calls/<name>`, which is over when the answer is there.
 */
export async function listen(onCall: (name: string) => void = () => undefined): Promise<App> {
  bundled ??= bundle()
  const script = await bundled
  const server = createServer(({ url = '' }, response) => {
    if (url.startsWith('/calls/')) onCall(url.slice('/calls/'.length))
    const isScript = url === '/app.js'
    response.writeHead(200, {
      'content-type': isScript ? 'text/javascript' : 'text/html',
      'content-security-policy': policy,
    })
    response.end(isScript ? script : page)
  })
  server.listen(0, '127.0.0.1')
  await once(server, 'listening')
  return {
    origin: `http://127.0.0.1:${(server.address() as AddressInfo).port}`,
    close() {
      server.close()
      server.closeAllConnections()
    },
  }
}

/** The origin of an app that is there for this test. */
export async function serveApp(): Promise<string> {
  const app = await listen()
  onTestFinished(() => app.close())
  return app.origin
}

/** A page of that origin with the app in it. Pages of one context share their data; those of a browser share none. */
export async function openApp(origin: string, where: Browser | BrowserContext): Promise<Page> {
  const page = await where.newPage()
  await page.goto(origin)
  await page.waitForFunction(() => 'app' in globalThis)
  return page
}

/** The same for all tests of one file. */
let bundled: Promise<string> | undefined

async function bundle(): Promise<string> {
  const { outputFiles } = await build({
    entryPoints: [fileURLToPath(new URL('app.ts', import.meta.url))],
    conditions: ['@thingmesh/source'],
    bundle: true,
    format: 'esm',
    platform: 'browser',
    target: 'es2022',
    write: false,
  })
  return outputFiles[0]!.text
}
