import { mkdir } from 'node:fs/promises'
import { join } from 'node:path'
import { isThingmeshError, ThingmeshError } from '@thingmesh/core'
import { createHub, type Hub } from '@thingmesh/server-kit'
import { coapListener, coapOverWebSocket } from '@thingmesh/server-kit/coap'
import { httpListener } from '@thingmesh/server-kit/http'
import { mqttListener, mqttOverWebSocket } from '@thingmesh/server-kit/mqtt'
import { sqliteStore } from '@thingmesh/server-kit/sqlite'
import { messageFrames, webSockets } from '@thingmesh/server-kit/websocket'
import { dashboardLink } from '../dashboard/link.ts'
import { dashboardPages } from '../dashboard/pages.ts'
import { openInBrowser } from './browser.ts'
import { createDevices } from './devices.ts'
import { introduce } from './introduction.ts'
import { type Options, parseOptions } from './options.ts'
import { ensureChannel, ensureThing } from './registry.ts'
import { createScreen } from './screen.ts'
import { type Simulation, simulate } from './simulation.ts'

const channel = 'telemetry'
const screen = createScreen(process.stdout, process.env)

try {
  await main(parseOptions(process.argv.slice(2)))
} catch (error) {
  process.stderr.write(`${error instanceof Error ? error.message : 'the quick start failed'}\n`)
  process.exitCode = 1
}

async function main(options: Options): Promise<void> {
  const interrupted = firstSignal()
  await mkdir(options.data, { recursive: true, mode: 0o700 })
  const mqtt = mqttListener({ port: options.mqtt })
  const upgrade = webSockets({ routes: [mqttOverWebSocket(), messageFrames(), coapOverWebSocket()] })
  const pages = await dashboardPages()
  const http = httpListener({ port: options.http, upgrade, pages, stopTimeoutMs: 2_000 })
  const coap = coapListener({ port: options.coap })
  await using hub = await createHub({
    store: sqliteStore({ path: join(options.data, 'hub.db') }),
    listeners: [mqtt, http, coap],
  })
  await startOrExplain(hub, options)
  const simulations: Simulation[] = []
  let forgetPage = async (): Promise<void> => undefined
  try {
    await startDevices(hub, mqtt.address!.port, simulations)
    const dashboard = await dashboardLink(hub, `http://127.0.0.1:${http.address!.port}`)
    introduce(screen, {
      dashboard,
      mqttPort: mqtt.address!.port,
      httpPort: http.address!.port,
      coapPort: coap.address!.port,
      data: options.data,
      channel,
      topics: createDevices().map(device => `${channel}/${device.subtopic}`),
      visitorKey: await ensureThing(hub.control, 'visitor', channel, ['publish', 'subscribe', 'read']),
      adminToken: hub.adminToken,
    })
    if (options.openBrowser) forgetPage = await openInBrowser(dashboard, options.data)
    const showing = setInterval(() => screen.status(`${count(simulations)} readings on disk since the start`), 500)
    await interrupted
    clearInterval(showing)
    screen.status('')
    screen.line('Stopping: what was accepted is on disk.')
  } finally {
    await Promise.all([forgetPage(), ...simulations.map(simulation => simulation.stop())])
  }
}

async function startOrExplain(hub: Hub, { mqtt, http, data }: Options): Promise<void> {
  try {
    await hub.start()
  } catch (error) {
    if (!isThingmeshError(error) || error.code !== 'conflict') throw error
    const taken = error.cause as { readonly code?: string; readonly port?: number } | undefined
    if (taken?.code !== 'EADDRINUSE') {
      throw new ThingmeshError('conflict', `another process has the data in ${data}: choose another with --data DIR`)
    }
    const port = taken.port ?? mqtt
    const flag = port === mqtt ? '--mqtt' : port === http ? '--http' : '--coap'
    throw new ThingmeshError(
      'conflict',
      `port ${port} is taken: choose another with ${flag} PORT, as in npm start -- ${flag} ${port + 1}`,
    )
  }
}

async function startDevices(hub: Hub, mqttPort: number, simulations: Simulation[]): Promise<void> {
  await ensureChannel(hub.control, channel)
  for (const device of createDevices()) {
    const key = await ensureThing(hub.control, device.name, channel, ['publish'])
    simulations.push(simulate(device, key, channel, mqttPort))
  }
  await Promise.all(simulations.map(simulation => simulation.started))
}

function count(simulations: readonly Simulation[]): string {
  return simulations.reduce((sum, { acknowledged }) => sum + acknowledged, 0).toLocaleString('en')
}

/** Settles at the first SIGINT or SIGTERM; the next one ends the process at once. */
function firstSignal(): Promise<void> {
  return new Promise(settle => {
    const listener = (): void => {
      // npm passes on a Ctrl-C that we had from the terminal already: what comes right after is still the first one.
      setTimeout(() => process.off('SIGINT', listener).off('SIGTERM', listener), 200).unref()
      settle()
    }
    process.on('SIGINT', listener).on('SIGTERM', listener)
  })
}
