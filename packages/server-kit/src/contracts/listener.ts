import type { Ingress } from './ingress.ts'
import type { Meter } from './meter.ts'
import type { PlaceLimits, Places } from './places.ts'

/** A protocol's door into the hub. */
export interface Listener {
  readonly protocol: string
  /** Where it listens, once started. */
  readonly address?: { readonly host: string; readonly port: number } | undefined
  /** Throws `conflict` where the port is taken. Idempotent. */
  start(context: ListenerContext): Promise<void>
  /** Refuses new connections, lets what is under way finish, closes. Idempotent. */
  stop(): Promise<void>
}

export interface ListenerContext {
  readonly ingress: Ingress
  readonly meter: Meter
  /** Places of its own for each call, so that one door's connections leave the others their room. */
  readonly places: (limits: PlaceLimits) => Places
  /** Idempotency keys of one publisher that the hub remembers: of what is un-acknowledged beyond that, a repetition is not known. */
  readonly keysPerPublisherMax: number
  /** For what fails in the background. Nothing that a peer sends may throw out of a listener. */
  readonly onFault: (error: unknown, where: { readonly part: string }) => void
}
