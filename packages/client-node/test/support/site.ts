import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { type Client, type ClientOptions, type ClientState, type ConnectOptions, connect } from '@thingmesh/client-node'
import { createHub, type Hub } from '@thingmesh/server-kit'
import { httpListener } from '@thingmesh/server-kit/http'
import { mqttListener, mqttOverWebSocket } from '@thingmesh/server-kit/mqtt'
import { sqliteStore } from '@thingmesh/server-kit/sqlite'
import { webSockets } from '@thingmesh/server-kit/websocket'
import { onTestFinished } from 'vitest'
import { type BrokenStream, startProxy } from './proxy.ts'

export type Scheme = 'mqtt' | 'ws' | 'http'

/** A hub behind a network that can be broken, with a channel `telemetry` and a thing `sensor` that may use it. */
export interface Site {
  readonly hub: Hub
  readonly key: string
  /** Of the door of that scheme. */
  proxy(scheme: Scheme): BrokenStream
  open(scheme: Scheme, options?: ConnectOptions): Promise<Client>
  /** Payloads of the channel in the order of the log. */
  stored(): Promise<unknown[]>
  stop(): Promise<void>
  start(): Promise<void>
}

export const quick: ClientOptions = { backoff: { firstMs: 5, maxMs: 50 } }

export async function startSite(): Promise<Site> {
  const directory = await mkdtemp(join(tmpdir(), 'thingmesh-client-'))
  const ports = { mqtt: 0, http: 0 }
  let hub: Hub | undefined
  const start = async (): Promise<void> => {
    const mqtt = mqttListener({ port: 0 })
    const http = httpListener({
      port: 0,
      heartbeatMs: 100,
      stopTimeoutMs: 200,
      upgrade: webSockets({ routes: [mqttOverWebSocket()] }),
    })
    hub = await createHub({
      store: sqliteStore({ path: join(directory, 'hub.db') }),
      listeners: [mqtt, http],
      onFault: () => undefined,
    })
    await hub.start()
    ports.mqtt = mqtt.address?.port ?? 0
    ports.http = http.address?.port ?? 0
  }
  await start()
  onTestFinished(async () => {
    await hub?.stop()
    await rm(directory, { recursive: true, force: true })
  })
  const http = await startProxy(() => ports.http)
  const proxies = { mqtt: await startProxy(() => ports.mqtt), ws: http, http }
  onTestFinished(async () => {
    await proxies.mqtt[Symbol.asyncDispose]()
    await proxies.http[Symbol.asyncDispose]()
  })

  await hub!.control.channels.create({ name: 'telemetry' })
  const { key } = await hub!.control.things.create({ name: 'sensor' })
  await hub!.control.grants.create({
    thing: 'sensor',
    channel: 'telemetry',
    actions: ['publish', 'subscribe', 'read'],
  })
  return {
    get hub() {
      return hub!
    },
    key: key.secret,
    proxy: scheme => proxies[scheme],
    async open(scheme, options = {}) {
      const who = scheme === 'http' ? { key: key.secret } : { thing: 'sensor', key: key.secret }
      const url = `${scheme}://127.0.0.1:${proxies[scheme].port}`
      const client = await connect(url, { ...quick, ...who, timeoutMs: 2_000, ...options })
      onTestFinished(() => client.close())
      return client
    },
    async stored() {
      const reader = await connect(`http://127.0.0.1:${ports.http}`, { key: key.secret })
      const payloads: unknown[] = []
      for await (const { payload } of reader.channel('telemetry').history({ pageSize: 1_000 })) payloads.push(payload)
      await reader.close()
      return payloads
    },
    stop: () => hub!.stop(),
    start,
  }
}

/** Settles when the client is in the state, which it may be already. Fails by the test's own time limit. */
export async function reached(client: Client, state: ClientState): Promise<void> {
  for await (const status of client.status()) if (status.state === state) return
  throw new Error(`the client is closed and never was ${state}`)
}

/** The payloads of the next so many messages. */
export async function take(messages: AsyncIterable<{ readonly payload: unknown }>, count: number): Promise<unknown[]> {
  const taken: unknown[] = []
  const iterator = messages[Symbol.asyncIterator]()
  while (taken.length < count) {
    const { done, value } = await iterator.next()
    if (done === true) throw new Error(`the messages ended after ${taken.length} of ${count}`)
    taken.push(value.payload)
  }
  return taken
}

/** The payloads up to this one. */
export async function takeTo(
  messages: AsyncIterable<{ readonly payload: unknown }>,
  last: unknown,
): Promise<unknown[]> {
  const taken: unknown[] = []
  while (taken.at(-1) !== last) taken.push(...(await take(messages, 1)))
  return taken
}
