import type { CancelSignal, Transport } from '@thingmesh/core'
import { resolveOptions, ThingmeshError } from '@thingmesh/core'
import type { Credential, Ingress } from '../../contracts/index.ts'
import { ClientConnection } from './client-connection.ts'
import type { TransportState } from './transport-state.ts'

export interface MemoryTransportOptions {
  /** A thing's name or id; a key tells by itself whose it is. */
  readonly thing?: string | undefined
  /** A thing's key. One of `key`, `token` and `credential` is needed. */
  readonly key?: string | undefined
  readonly token?: string | undefined
  /** Whatever the hub's authenticators know. */
  readonly credential?: Credential | undefined
  /** Names the session at the hub; a random one by default. */
  readonly clientId?: string | undefined
  /** How long the hub keeps what comes while this client is away; 3,600 by default. */
  readonly sessionSeconds?: number | undefined
  /** At-least-once messages that the readers may have in front of them; 256 by default. The hub may say less. */
  readonly windowMax?: number | undefined
}

/** Throws `TypeError` for options that cannot be meant. */
export function memoryTransport(ingress: () => Ingress | undefined, options: MemoryTransportOptions): Transport {
  const credential = toCredential(options)
  const { sessionSeconds, windowMax } = resolveOptions(options, {
    sessionSeconds: [3_600, 0],
    windowMax: [256, 1],
  })
  const state: TransportState = {
    clientId: options.clientId ?? `tm-${crypto.randomUUID()}`,
    routes: new Map(),
    untaken: new Map(),
    lastRouteId: 0,
  }
  return {
    async open(signal) {
      const door = ingress()
      if (signal.aborted) throw canceled(signal)
      if (door === undefined) throw new ThingmeshError('unavailable', 'the hub is not open', { outcome: 'not-sent' })
      const connection = await ClientConnection.open(door, state, {
        credential,
        expiresInSeconds: sessionSeconds,
        windowMax,
      })
      if (!signal.aborted) return connection
      await connection.close(false)
      throw canceled(signal)
    },
  }
}

function canceled(signal: CancelSignal): ThingmeshError {
  return new ThingmeshError('canceled', 'the caller gave up', { cause: signal.reason, outcome: 'not-sent' })
}

function toCredential({ thing, key, token, credential }: MemoryTransportOptions): Credential {
  if ([key, token, credential].filter(given => given !== undefined).length !== 1) {
    throw new TypeError('exactly one of key, token and credential is needed')
  }
  if (key !== undefined) return { kind: 'key', identity: thing, secret: key }
  if (token !== undefined) return { kind: 'token', token }
  return credential!
}
