import { type Action, type Principal, parseFilter } from '@thingmesh/core'
import { EventEmitter } from 'eventemitter3'
import type { Authorizer, Rights, RightsChange } from '../contracts/index.ts'
import type { RegistryLimits } from './limits.ts'
import { CompiledRights } from './rights.ts'
import type { RegistryState } from './state.ts'

interface FilterGrant {
  readonly actions: readonly Action[]
  readonly filter: string
}

/** The id that a principal of this thing has. */
export function thingPrincipal(thing: string): string {
  return `thing:${thing}`
}

/** The id that a principal of this token has. */
export function userPrincipal(token: string): string {
  return `user:${token}`
}

/** Compiles what the registry grants, and tells who listens when it changes. */
export class RegistryAuthorizer implements Authorizer {
  readonly #state: () => RegistryState
  readonly #limits: RegistryLimits
  readonly #onFault: (error: unknown) => void
  readonly #events = new EventEmitter<{ changed: [RightsChange] }>()

  constructor(state: () => RegistryState, limits: RegistryLimits, onFault: (error: unknown) => void) {
    this.#state = state
    this.#limits = limits
    this.#onFault = onFault
  }

  /**
   * A thing has its registry grants and whatever its principal brings; one that is disabled has nothing. Whether a
   * channel exists and is enabled is not looked at: who publishes asks that anyway. Throws `invalid-argument` where a
   * filter that the principal brings is none.
   */
  compile(principal: Principal): Rights {
    const grants: FilterGrant[] = []
    const tables = this.#state().tables(principal.domain)
    const thing =
      principal.kind === 'thing' ? tables?.things.get(principal.id.slice(thingPrincipal('').length)) : undefined
    if (thing !== undefined && principal.id === thingPrincipal(thing.id)) {
      if (!thing.item.enabled) return new CompiledRights([])
      for (const { item } of tables?.grantsByThing.of(thing.id) ?? []) {
        const channel = tables?.channels.get(item.channel)
        if (channel !== undefined)
          grants.push({ actions: item.actions, filter: `${channel.item.name}/${item.pattern}` })
      }
    }
    // What the hub says of itself is for those who look after it; a grant's own filter cannot say this.
    if (principal.control !== undefined) grants.push({ actions: ['subscribe'], filter: '$SYS/#' })
    for (const grant of principal.grants ?? []) {
      grants.push({ actions: grant.actions, filter: parseFilter(grant.filter, this.#limits) })
    }
    return new CompiledRights(grants)
  }

  onChange(listener: (change: RightsChange) => void): () => void {
    // Of its own, so that who listens twice with one function can stop once.
    const own = (change: RightsChange): void => listener(change)
    this.#events.on('changed', own)
    return () => {
      this.#events.off('changed', own)
    }
  }

  /** Tells everybody, also when one of them fails. */
  announce(change: RightsChange): void {
    for (const listener of this.#events.listeners('changed')) {
      try {
        listener(change)
      } catch (error) {
        this.#onFault(error)
      }
    }
  }
}
