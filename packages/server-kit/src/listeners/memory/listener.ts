import { ThingmeshError } from '@thingmesh/core'
import type { Credential, Ingress, Listener } from '../../contracts/index.ts'
import { MemoryConnection } from './connection.ts'

export interface MemoryConnectOptions {
  readonly credential: Credential
  /** Names a session that can be taken up again; without one the session ends with the connection. */
  readonly clientId?: string | undefined
  readonly cleanStart?: boolean | undefined
  readonly expiresInSeconds?: number | undefined
  /** Messages that wait to be read before the hub holds the rest back; 1,000 by default. */
  readonly queueMax?: number | undefined
  readonly windowMax?: number | undefined
}

export interface MemoryListener extends Listener {
  /** As on any other door: throws `unauthenticated` and the rest of what `Ingress.open` throws; `unavailable` before the start. */
  connect(options: MemoryConnectOptions): Promise<MemoryConnection>
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
  }
}
