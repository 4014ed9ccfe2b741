import {
  type TransportCapability,
  type TransportCase,
  type TransportSite,
  transportCases,
} from '@thingmesh/core/testing'
import { httpListener } from '@thingmesh/server-kit/http'
import { mqttOverWebSocket } from '@thingmesh/server-kit/mqtt'
import { webSockets } from '@thingmesh/server-kit/websocket'
import type { Browser } from 'playwright-core'
import { describe, expect, onTestFinished } from 'vitest'
import { startProxy } from '../../client-node/test/support/proxy.ts'
import { openTransportSite } from '../../client-node/test/support/transport-site.ts'
import { itInBrowser, openBrowser } from './support/chromium.ts'
import type { Hub } from './support/transport-case.ts'
import { listen, openApp } from './support/web-server.ts'

const capabilities: Readonly<Record<Hub['scheme'], readonly TransportCapability[]>> = {
  ws: ['network', 'resume', 'backpressure', 'replay', 'properties'],
  http: ['network', 'resume', 'backpressure', 'latest', 'history'],
}

/** A plain run leaves out the cases that wait until somebody is found to be silent; THINGMESH_ROUNDS=1 runs them too. */
const isWhole = process.env.THINGMESH_ROUNDS !== undefined

function casesFor(scheme: Hub['scheme']): readonly TransportCase[] {
  return transportCases.filter(({ needs = [] }) => {
    return needs.every(need => capabilities[scheme].includes(need) && (isWhole || need !== 'network'))
  })
}

/** What went wrong with the case in a page of its own, against a hub of its own. */
async function failureOf(name: string, scheme: Hub['scheme'], browser: Browser): Promise<string | undefined> {
  let site: TransportSite | undefined
  const server = await listen(call => site?.[call as 'cut' | 'freeze' | 'thaw']())
  onTestFinished(() => server.close())
  let hub: Hub | undefined
  site = await openTransportSite({
    open() {
      const upgrade = webSockets({ routes: [mqttOverWebSocket({ keepAliveSecondsMin: 1 })], origins: [server.origin] })
      const http = httpListener({
        port: 0,
        heartbeatMs: 200,
        stopTimeoutMs: 200,
        corsOrigins: [server.origin],
        upgrade,
      })
      return { listeners: [http], port: () => http.address?.port ?? 0 }
    },
    network: startProxy,
    transport(port, who) {
      hub = { scheme, port, ...who }
      return { open: () => Promise.reject(new Error('the page opens its own')) }
    },
  })
  site.transport()
  const page = await openApp(server.origin, browser)
  await page.exposeFunction('atHub', (method: 'publish', args: [string, string]) => site[method](...args))
  const told = await page.evaluate(({ name, hub }) => app.runTransportCase(name, hub).then(() => undefined, String), {
    name,
    hub: hub!,
  })
  await page.close()
  return told
}

describe.each<Hub['scheme']>(['ws', 'http'])('the %s transport in a browser', scheme => {
  itInBrowser(
    'does what every transport does',
    async () => {
      const browser = await openBrowser()
      const cases = casesFor(scheme)
      const failures: string[] = []
      const left = [...cases]
      const work = async (): Promise<void> => {
        for (let next = left.shift(); next !== undefined; next = left.shift()) {
          const failure = await failureOf(next.name, scheme, browser)
          if (failure !== undefined) failures.push(`${next.name}: ${failure}`)
        }
      }
      await Promise.all([work(), work(), work()])
      expect(failures).toEqual([])
      expect(cases.length).toBeGreaterThan(15)
    },
    300_000,
  )
})
