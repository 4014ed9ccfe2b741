import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { createHub, type Hub } from '@thingmesh/server-kit'
import { httpListener } from '@thingmesh/server-kit/http'
import { mqttOverWebSocket } from '@thingmesh/server-kit/mqtt'
import { sqliteStore } from '@thingmesh/server-kit/sqlite'
import { webSockets } from '@thingmesh/server-kit/websocket'
import type { Browser, BrowserContext, Page } from 'playwright-core'
import { onTestFinished } from 'vitest'
import { openBrowser } from './chromium.ts'
import { openApp, serveApp } from './web-server.ts'

export type Scheme = 'ws' | 'http'

/** A hub with a channel `telemetry` and a thing `sensor` that may use it, and a browser with pages of another origin. */
export interface Site {
  readonly hub: Hub
  readonly browser: Browser
  /** What a page needs to connect. */
  how(scheme: Scheme): { readonly url: string; readonly options: { readonly key: string; readonly thing?: string } }
  /** With the app in it. Pages of one context share their data; of a context of its own by default. */
  openPage(context?: BrowserContext): Promise<Page>
  /** Payloads of the channel in the order of the log. */
  stored(): Promise<unknown[]>
  stop(): Promise<void>
  /** On the port it had. */
  start(): Promise<void>
}

export async function startSite(): Promise<Site> {
  const directory = await mkdtemp(join(tmpdir(), 'thingmesh-browser-'))
  const origin = await serveApp()
  let hub: Hub | undefined
  let port = 0
  const start = async (): Promise<void> => {
    const http = httpListener({
      port,
      corsOrigins: [origin],
      heartbeatMs: 100,
      stopTimeoutMs: 200,
      upgrade: webSockets({ routes: [mqttOverWebSocket()], origins: [origin] }),
    })
    hub = await createHub({
      store: sqliteStore({ path: join(directory, 'hub.db') }),
      listeners: [http],
      onFault: () => undefined,
    })
    await hub.start()
    port = http.address?.port ?? 0
  }
  await start()
  onTestFinished(async () => {
    await hub?.stop()
    await rm(directory, { recursive: true, force: true })
  })
  const browser = await openBrowser()
  await hub!.control.channels.create({ name: 'telemetry' })
  const { key } = await hub!.control.things.create({ name: 'sensor' })
  await hub!.control.grants.create({ thing: 'sensor', channel: 'telemetry', actions: ['publish', 'subscribe', 'read'] })
  return {
    get hub() {
      return hub!
    },
    browser,
    how: scheme => ({
      url: `${scheme}://127.0.0.1:${port}`,
      options: { key: key.secret, ...(scheme === 'ws' && { thing: 'sensor' }) },
    }),
    openPage: context => openApp(origin, context ?? browser),
    async stored() {
      const payloads: unknown[] = []
      for (let after = '0'; ; ) {
        const answer = await fetch(`http://127.0.0.1:${port}/channels/telemetry/messages?after=${after}&limit=1000`, {
          headers: { authorization: `Thing ${key.secret}` },
        })
        const page = (await answer.json()) as { messages: { payload: unknown }[]; next: string; complete: boolean }
        payloads.push(...page.messages.map(({ payload }) => payload))
        if (page.complete) return payloads
        after = page.next
      }
    },
    stop: () => hub!.stop(),
    start,
  }
}
