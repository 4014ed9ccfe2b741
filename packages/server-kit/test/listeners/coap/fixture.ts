import type { Action } from '@thingmesh/core'
import { onTestFinished } from 'vitest'
import type { Store } from '../../../src/contracts/index.ts'
import { createHub, type Hub, type HubLimits } from '../../../src/index.ts'
import { type CoapListenerOptions, coapListener } from '../../../src/listeners/coap/index.ts'
import { type MemoryConnection, memoryListener } from '../../../src/listeners/memory/index.ts'
import { memoryStore } from '../../../src/store/memory/index.ts'
import { TestPeer } from './peer.ts'

export interface Thing {
  readonly name: string
  readonly key: string
}

export interface SiteOptions {
  readonly limits?: Partial<HubLimits>
  readonly listener?: CoapListenerOptions
  readonly store?: Store
}

/** A hub with the CoAP door on a free port, a door in the process, and a channel `telemetry`. */
export class Site {
  readonly hub: Hub
  readonly port: number
  readonly faults: string[]
  readonly #memory: ReturnType<typeof memoryListener>

  constructor(hub: Hub, port: number, faults: string[], memory: ReturnType<typeof memoryListener>) {
    this.hub = hub
    this.port = port
    this.faults = faults
    this.#memory = memory
  }

  async thing(
    name: string,
    actions: readonly Action[] = ['publish', 'subscribe', 'read'],
    pattern = '#',
  ): Promise<Thing> {
    const { key } = await this.hub.control.things.create({ name })
    if (actions.length > 0)
      await this.hub.control.grants.create({ thing: name, channel: 'telemetry', actions, pattern })
    return { name, key: key.secret }
  }

  /** A peer that shows the thing's key in every request; without one it shows nothing. */
  async peer(thing?: Thing): Promise<TestPeer> {
    const peer = await TestPeer.open(this.port, thing === undefined ? [] : [`auth=${thing.key}`])
    onTestFinished(() => peer.close())
    return peer
  }

  /** A connection within the process that has subscribed to everything. */
  async witness(thing: Thing): Promise<MemoryConnection> {
    const connection = await this.#memory.connect({ credential: { kind: 'key', secret: thing.key } })
    await connection.subscribe('telemetry/#')
    return connection
  }

  counter(name: string, labels: Readonly<Record<string, string>> = {}): number {
    const family = this.hub.meter.collect().find(one => one.name === `thingmesh_${name}`)
    const wanted = Object.entries(labels)
    const samples = (family?.samples ?? []).filter(one => wanted.every(([label, value]) => one.labels[label] === value))
    return samples.reduce((sum, { value }) => sum + value, 0)
  }
}

export async function startSite({ limits, listener, store = memoryStore() }: SiteOptions = {}): Promise<Site> {
  const faults: string[] = []
  const memory = memoryListener()
  // However busy the machine is, an answer goes with its acknowledgement; tests of the other way say so.
  const door = coapListener({ port: 0, piggybackMs: 20_000, ...listener })
  const hub = await createHub({
    store,
    listeners: [memory, door],
    limits,
    onFault: (error, { part }) => faults.push(`${part}: ${error.code}: ${error.message}`),
  })
  await hub.start()
  onTestFinished(() => hub.stop())
  await hub.control.channels.create({ name: 'telemetry' }).catch(() => undefined)
  return new Site(hub, door.address!.port, faults, memory)
}
