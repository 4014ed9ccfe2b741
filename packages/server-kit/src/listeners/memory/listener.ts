import { ThingmeshError, type Transport } from '@thingmesh/core'
import type { Ingress, Listener } from '../../contracts/index.ts'
import { MemoryConnection } from './connection.ts'
import type { MemoryConnectOptions } from './options.ts'
import { type MemoryTransportOptions, memoryTransport } from './transport.ts'

export interface MemoryListener extends Listener {
  /** As on any other door: throws `unauthenticated` and the rest of what `Ingress.open` throws; `unavailable` before the start. */
  connect(options: MemoryConnectOptions): Promise<MemoryConnection>
  /**
   * For core's `openClient`, or `connect('memory:', { listener })` of `@thingmesh/client-node`: the same client as over a network,
   * which waits for a hub that is not started and comes back to one that was stopped. Throws `TypeError` for options that
   * cannot be meant.
   */
  transport(options: MemoryTransportOptions): Transport
}

/** A door for the application that runs in the hub's own process: same walk, same rights, no bytes. */
export function memoryListener(): MemoryListener {
  let ingress: Ingress | undefined
  return {
    protocol: 'memory',
    async start(context) {
      ingress = context.ingress
    },
    async stop() {
      ingress = undefined
    },
    async connect(options) {
      if (ingress === undefined) throw new ThingmeshError('unavailable', 'the hub is not open', { outcome: 'not-sent' })
      return MemoryConnection.open(ingress, options)
    },
    transport: options => memoryTransport(() => ingress, options),
  }
}
