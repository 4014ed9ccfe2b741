import type { Duplex } from 'node:stream'
import type { Action } from '@thingmesh/core'
import type { ProtocolLevel } from '@thingmesh/core/mqtt'
import { connect as connectStock, type IClientOptions, type MqttClient } from 'mqtt'
import { expect, onTestFinished, vi } from 'vitest'
import type { Authenticate, Listener, Store } from '../../../src/contracts/index.ts'
import { createHub, type Hub, type HubLimits } from '../../../src/index.ts'
import { httpListener } from '../../../src/listeners/http/index.ts'
import { type MqttListenerOptions, mqttListener, mqttOverWebSocket } from '../../../src/listeners/mqtt/index.ts'
import { webSockets } from '../../../src/listeners/websocket/index.ts'
import { memoryStore } from '../../../src/store/memory/index.ts'
import { dial, type Transport } from './dial.ts'
import { type ConnectOptions, TestPeer, textOf } from './peer.ts'

export interface Thing {
  readonly name: string
  readonly key: string
}

export interface Right {
  readonly channel: string
  readonly actions: readonly Action[]
  readonly pattern?: string
}

export interface SiteOptions {
  readonly transport?: Transport
  /** Of WebSockets. */
  readonly origins?: readonly string[]
  readonly limits?: Partial<HubLimits>
  readonly listener?: MqttListenerOptions
  readonly store?: Store
  readonly authenticate?: readonly Authenticate[]
  /** Beside the door that the site is about. */
  readonly otherDoors?: readonly Listener[]
}

const all: readonly Right[] = [{ channel: 'telemetry', actions: ['publish', 'subscribe'] }]

/** Both versions that stock devices speak. */
export const levels: readonly (readonly [name: string, level: ProtocolLevel])[] = [
  ['3.1.1', 4],
  ['5', 5],
]

/** A session that stays: by its expiry with MQTT 5, by not being clean before. */
export function lasting(level: ProtocolLevel, clientId = 'lasting'): ConnectOptions {
  const properties = { sessionExpiryInterval: 600 }
  return { level, clientId, cleanStart: false, ...(level === 5 && { properties }) }
}

/** A hub with the MQTT door on a free port, a channel `telemetry`, and a session that has nothing to do with what is tested. */
export class Site {
  readonly hub: Hub
  readonly port: number
  readonly transport: Transport
  readonly faults: string[]
  #bystander: TestPeer | undefined
  #count = 0

  constructor(hub: Hub, port: number, transport: Transport, faults: string[]) {
    this.hub = hub
    this.port = port
    this.transport = transport
    this.faults = faults
  }

  async thing(name: string, rights: readonly Right[] = all): Promise<Thing> {
    const { key } = await this.hub.control.things.create({ name })
    for (const right of rights) await this.hub.control.grants.create({ thing: name, ...right })
    return { name, key: key.secret }
  }

  /** A connection on which nothing was said yet. */
  async open(level: ProtocolLevel = 5): Promise<TestPeer> {
    const peer = new TestPeer(await dial[this.transport](this.port), level)
    onTestFinished(() => peer.cut())
    return peer
  }

  /** A connection that was let in. */
  async connect(thing: Thing, options: ConnectOptions = {}): Promise<TestPeer> {
    const peer = await this.open(options.level)
    const connack = await peer.connect(this.credentials(thing, options))
    expect(connack.reasonCode).toBe(0)
    return peer
  }

  /** The same, over what a test dials itself. */
  async connectOver(dial: () => Promise<Duplex>, thing: Thing, options: ConnectOptions = {}): Promise<TestPeer> {
    const peer = new TestPeer(await dial(), options.level ?? 5)
    onTestFinished(() => peer.cut())
    const connack = await peer.connect(this.credentials(thing, options))
    expect(connack.reasonCode).toBe(0)
    return peer
  }

  /** The same, and what CONNACK said. */
  async enter(thing: Thing, options: ConnectOptions = {}) {
    const peer = await this.open(options.level)
    const { reasonCode, sessionPresent, properties } = await peer.connect(this.credentials(thing, options))
    expect(reasonCode).toBe(0)
    return { peer, sessionPresent, properties }
  }

  credentials({ name, key }: Thing, options: ConnectOptions = {}): ConnectOptions {
    this.#count += 1
    return { username: name, password: key, clientId: `client-${this.#count}`, ...options }
  }

  /** MQTT.js, as a peer that was not written here. Rejects where it is refused. */
  async stock(
    { name, key }: Thing,
    options: IClientOptions = {},
    handleAuth?: MqttClient['handleAuth'],
  ): Promise<StockPeer> {
    const client = connectStock({
      host: '127.0.0.1',
      port: this.port,
      ...(this.transport === 'tcp' ? { protocol: 'mqtt' } : { protocol: 'ws', path: '/mqtt' }),
      protocolVersion: 5,
      reconnectPeriod: 0,
      connectTimeout: 5_000,
      username: name,
      password: key,
      ...options,
    })
    if (handleAuth !== undefined) client.handleAuth = handleAuth
    const inbox: StockMessage[] = []
    client.on('message', (topic, payload, { qos, retain }) => {
      inbox.push({ topic, text: payload.toString(), qos, retain })
    })
    onTestFinished(() => {
      client.end(true)
    })
    await new Promise((resolve, reject) => {
      client.once('connect', resolve)
      client.on('error', reject)
    })
    return Object.assign(client, { inbox })
  }

  counter(name: string, labels: Readonly<Record<string, string>> = {}): number {
    const family = this.hub.meter.collect().find(one => one.name === name)
    const wanted = Object.entries(labels)
    const samples = (family?.samples ?? []).filter(one => wanted.every(([label, value]) => one.labels[label] === value))
    return samples.reduce((sum, { value }) => sum + value, 0)
  }

  /** Everything refused or failed so far, wherever in the hub it is counted. */
  get refusals(): number {
    return (
      this.counter('thingmesh_refused_total') +
      this.counter('thingmesh_mqtt_refused_total') +
      this.counter('thingmesh_mqtt_failures_total')
    )
  }

  /** A session that is connected from here on, on a channel of its own. */
  async startBystander(): Promise<void> {
    await this.hub.control.channels.create({ name: 'aside' })
    const thing = await this.thing('bystander', [{ channel: 'aside', actions: ['publish', 'subscribe'] }])
    this.#bystander = await this.connect(thing)
    expect(await this.#bystander.subscribe('aside/#')).toEqual([1])
  }

  /** The session that has nothing to do with it still publishes and receives, and the hub has nothing to report. */
  async expectUndisturbed(): Promise<void> {
    const peer = this.#bystander
    if (peer === undefined) throw new TypeError('startBystander comes first')
    this.#count += 1
    const text = `still here ${this.#count}`
    expect(await peer.publish('aside/a', text)).toBe(0)
    expect(textOf(await peer.take('publish'))).toBe(text)
    expect(this.faults).toEqual([])
  }
}

export async function startSite(options: SiteOptions = {}): Promise<Site> {
  const { limits, listener, store = memoryStore(), authenticate, otherDoors = [], transport = 'tcp', origins } = options
  const faults: string[] = []
  const upgrade = () => webSockets({ routes: [mqttOverWebSocket(listener)], origins })
  const door =
    transport === 'tcp' ? mqttListener({ port: 0, ...listener }) : httpListener({ port: 0, upgrade: upgrade() })
  const hub = await createHub({
    store,
    listeners: [door, ...otherDoors],
    limits,
    authenticate,
    onFault: (error, { part }) => faults.push(`${part}: ${error.code}: ${error.message}`),
  })
  await hub.start()
  onTestFinished(() => hub.stop())
  await hub.control.channels.create({ name: 'telemetry' }).catch(() => undefined)
  return new Site(hub, door.address!.port, transport, faults)
}

export interface StockMessage {
  readonly topic: string
  readonly text: string
  readonly qos: number
  readonly retain: boolean
}

export type StockPeer = MqttClient & { readonly inbox: StockMessage[] }

/** The next so many messages that MQTT.js is given. */
export async function stockMessages({ inbox }: StockPeer, count: number): Promise<StockMessage[]> {
  await vi.waitFor(() => expect(inbox.length).toBeGreaterThanOrEqual(count), { timeout: 8_000, interval: 5 })
  return inbox.splice(0, count)
}
