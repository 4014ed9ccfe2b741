import type { Connection, Transport } from '@thingmesh/core'
import type { TransportSite } from '@thingmesh/core/testing'
import { createHub, type Hub } from '@thingmesh/server-kit'
import type { Listener } from '@thingmesh/server-kit/contracts'
import { type MemoryConnection, type MemoryListener, memoryListener } from '@thingmesh/server-kit/memory'
import { memoryStore } from '@thingmesh/server-kit/memory-store'
import { onTestFinished } from 'vitest'
import type { BrokenNetwork } from './proxy.ts'

/** What of a hub's door a transport is for. */
export interface Door {
  /** The port of the door, once started; and the listeners to start, a new one each time. */
  open(): { readonly listeners: readonly Listener[]; port(): number }
  /** Absent where there is no network. */
  network?: (port: () => number) => Promise<BrokenNetwork>
  transport(port: number, who: { readonly thing: string; readonly key: string }, memory: MemoryListener): Transport
}

/** A hub with one door, as core's cases want it. What a case opens is closed when its test ends. */
export async function openTransportSite(door: Door): Promise<TransportSite> {
  const memory = memoryListener()
  // Kept over restarts.
  const store = memoryStore()
  let hub: Hub
  let port = (): number => 0
  let other: MemoryConnection
  const start = async (): Promise<void> => {
    const opened = door.open()
    hub = await createHub({
      store,
      listeners: [memory, ...opened.listeners],
      onFault: () => undefined,
    })
    await hub.start()
    port = opened.port
  }
  onTestFinished(() => hub.stop())
  await start()
  const network = await door.network?.(() => port())
  onTestFinished(() => network?.[Symbol.asyncDispose]())

  const { control } = hub!
  for (const name of ['telemetry', 'secrets']) await control.channels.create({ name })
  const makeThing = async (name: string) => (await control.things.create({ name })).key.secret
  const grant = async (thing: string): Promise<string> =>
    (await hub.control.grants.create({ thing, channel: 'telemetry', actions: ['publish', 'subscribe', 'read'] })).id
  const [key, otherKey] = [await makeThing('sensor'), await makeThing('other')]
  await grant('other')
  let granted: string | undefined = await grant('sensor')
  const connectOther = async (): Promise<void> => {
    other = await memory.connect({ credential: { kind: 'key', secret: otherKey } })
  }
  await connectOther()

  const transport = (secret: string): Transport => {
    const made = door.transport(network?.port ?? port(), { thing: 'sensor', key: secret }, memory)
    return { open: async signal => closedAtTheEnd(await made.open(signal)) }
  }
  return {
    transport: () => transport(key),
    stranger: () => transport('wrong'),
    async publish(text, subtopic) {
      await other.publish(`telemetry/${subtopic}`, text, { contentType: 'text/plain;charset=utf-8' })
    },
    async stored() {
      const { messages } = await other.read({ filter: 'telemetry/#', limit: 1_000 })
      return messages.map(({ payload }) => new TextDecoder().decode(payload))
    },
    stop: () => hub.stop(),
    async start() {
      await start()
      await connectOther()
    },
    async grant(all) {
      if (granted !== undefined) await hub.control.grants.remove(granted)
      granted = all ? await grant('sensor') : undefined
    },
    removeThing: () => hub.control.things.remove('sensor'),
    cut: () => network?.cut(),
    freeze: () => network?.freeze(),
    thaw() {
      network?.thaw()
      network?.cut()
    },
  }
}

function closedAtTheEnd(connection: Connection): Connection {
  onTestFinished(() => connection.close(true))
  return connection
}
