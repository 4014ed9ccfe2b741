import { randomUUID } from 'node:crypto'
import type { Message } from '@thingmesh/core'
import { onTestFinished } from 'vitest'
import type { Store } from '../../src/contracts/index.ts'
import { createHub, type Hub, type HubOptions } from '../../src/hub.ts'
import { type MemoryConnection, type MemoryConnectOptions, memoryListener } from '../../src/listeners/memory/index.ts'
import { memoryStore } from '../../src/store/memory/index.ts'

export interface TestHub {
  readonly hub: Hub
  /** Makes a thing with rights on the channel `telemetry`, and gives its key. */
  thing(name: string, actions?: readonly ('publish' | 'subscribe' | 'read')[]): Promise<string>
  connect(secret: string, options?: Partial<MemoryConnectOptions>): Promise<MemoryConnection>
  counter(name: string, labels?: Record<string, string>): number
}

/** A hub with a memory door and a channel `telemetry`; stopped when the test ends. */
export async function startHub(options: Partial<HubOptions> & { store?: Store } = {}): Promise<TestHub> {
  const door = memoryListener()
  const faults: string[] = []
  const hub = await createHub({
    store: memoryStore(),
    onFault: (error, { part }) => faults.push(`${part}: ${error.message}`),
    ...options,
    listeners: [door, ...(options.listeners ?? [])],
  })
  await hub.start()
  onTestFinished(() => hub.stop())
  await hub.control.channels.create({ name: 'telemetry' }).catch(() => undefined)
  return {
    hub,
    async thing(name, actions = ['publish', 'subscribe', 'read']) {
      const { key } = await hub.control.things.create({ name })
      if (actions.length > 0) await hub.control.grants.create({ thing: name, channel: 'telemetry', actions })
      return key.secret
    },
    connect: (secret, more = {}) =>
      door.connect({ credential: { kind: 'key', secret }, clientId: randomUUID(), ...more }),
    counter(name, labels = {}) {
      const family = hub.meter.collect().find(one => one.name === name)
      const wanted = Object.entries(labels)
      const samples =
        family?.samples.filter(sample => wanted.every(([key, value]) => sample.labels[key] === value)) ?? []
      return samples.reduce((sum, { value }) => sum + value, 0)
    },
  }
}

export const bytes = (text: string): Uint8Array => new TextEncoder().encode(text)
export const textOf = ({ payload }: Pick<Message, 'payload'>): string => new TextDecoder().decode(payload)

/** The next so many messages of a connection. Fails by the test's own time limit when they do not come. */
export async function take(connection: MemoryConnection, count: number): Promise<Message[]> {
  const taken: Message[] = []
  if (count === 0) return taken
  for await (const message of connection) {
    taken.push(message)
    if (taken.length === count) break
  }
  return taken
}
