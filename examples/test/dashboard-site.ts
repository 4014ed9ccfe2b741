import { execFile } from 'node:child_process'
import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { promisify } from 'node:util'
import { createHub, type Hub } from '@thingmesh/server-kit'
import { coapListener } from '@thingmesh/server-kit/coap'
import { httpListener, type Pages } from '@thingmesh/server-kit/http'
import { mqttListener } from '@thingmesh/server-kit/mqtt'
import { sqliteStore } from '@thingmesh/server-kit/sqlite'
import { dashboardLink, type LinkOptions } from '../dashboard/link.ts'

const run = promisify(execFile)

/** A hub with the dashboard that can be stopped, and started again where it was. */
export interface DashboardSite extends AsyncDisposable {
  readonly hub: Hub
  readonly url: string
  readonly mqttPort: number
  /** Of the thing `sensor`, which may publish to `telemetry`. */
  readonly key: string
  link(options?: LinkOptions): Promise<string>
  publish(payload: unknown, key?: string): Promise<number>
  publishOverCoap(payload: string): Promise<void>
  stop(): Promise<void>
  start(): Promise<void>
}

export async function openDashboardSite(pages: Pages): Promise<DashboardSite> {
  const directory = await mkdtemp(join(tmpdir(), 'thingmesh-dashboard-'))
  const ports = { http: 0, coap: 0, mqtt: 0 }
  let hub: Hub
  const start = async (): Promise<void> => {
    const http = httpListener({ port: ports.http, pages, stopTimeoutMs: 500 })
    const coap = coapListener({ port: ports.coap })
    const mqtt = mqttListener({ port: ports.mqtt })
    const store = sqliteStore({ path: join(directory, 'hub.db'), durability: 'process' })
    hub = await createHub({ store, listeners: [http, coap, mqtt] })
    await hub.start()
    ports.http = http.address!.port
    ports.coap = coap.address!.port
    ports.mqtt = mqtt.address!.port
  }
  await start()
  const { control } = hub!
  await control.channels.create({ name: 'telemetry' })
  const { key } = await control.things.create({ name: 'sensor' })
  await control.grants.create({ thing: 'sensor', channel: 'telemetry', actions: ['publish'] })
  const url = `http://127.0.0.1:${ports.http}`
  return {
    get hub() {
      return hub
    },
    url,
    mqttPort: ports.mqtt,
    key: key.secret,
    link: options => dashboardLink(hub, url, options),
    async publish(payload, secret = key.secret) {
      const headers = { authorization: `Thing ${secret}`, 'content-type': 'application/json' }
      const body = JSON.stringify(payload)
      return (await fetch(`${url}/channels/telemetry/messages/room1`, { method: 'POST', headers, body })).status
    },
    async publishOverCoap(payload) {
      const resource = `coap://127.0.0.1:${ports.coap}/c/telemetry/room1?auth=${key.secret}`
      await run('coap-client-notls', ['-m', 'post', '-t', '50', '-e', payload, resource])
    },
    stop: () => hub.stop(),
    start,
    async [Symbol.asyncDispose]() {
      await hub.stop()
      await rm(directory, { recursive: true, force: true })
    },
  }
}
