import { type ControlScope, type DomainId, ThingmeshError } from '@thingmesh/core'
import type { Change } from './change.ts'
import type { RegistryLimits } from './limits.ts'
import type { SecretKeeper } from './secrets.ts'
import type { DomainTables, RegistryState } from './state.ts'
import type { Table } from './table.ts'

/** What the registry lets its collections use. */
export interface ControlContext {
  readonly limits: RegistryLimits
  readonly nowMs: () => number
  readonly state: () => RegistryState
  readonly keeper: () => SecretKeeper
  /** Carries out one change, after all that were asked for before it. Nothing is in force when it rejects. */
  readonly commit: <Result>(make: (change: Change) => Result | Promise<Result>) => Promise<Result>
}

/** The context as one holder of a scope in one domain sees it: its own domain, and not after its token has ended. */
export class DomainAccess {
  readonly domain: DomainId
  readonly context: ControlContext
  readonly #scope: ControlScope
  readonly #stands: () => boolean

  constructor(context: ControlContext, domain: DomainId, scope: ControlScope, stands: () => boolean) {
    this.context = context
    this.domain = domain
    this.#scope = scope
    this.#stands = stands
  }

  get limits(): RegistryLimits {
    return this.context.limits
  }

  /** To look. Throws `unauthenticated` where the token behind it is no longer valid. */
  tables(): DomainTables {
    if (!this.#stands()) throw new ThingmeshError('unauthenticated', 'the token is no longer valid')
    const tables = this.context.state().tables(this.domain)
    if (tables === undefined) throw new ThingmeshError('unavailable', 'the registry has not started')
    return tables
  }

  /** Before anything of a change is looked at. */
  checkAdmin(): void {
    if (!this.#stands()) throw new ThingmeshError('unauthenticated', 'the token is no longer valid')
    if (this.#scope !== 'admin') {
      throw new ThingmeshError('permission-denied', `a change needs the scope admin, found ${this.#scope}`)
    }
  }

  /** The scope is looked at again when the change's turn comes: a revocation may have been in front of it. */
  change<Result>(
    make: (change: Change, tables: DomainTables, nowMs: number) => Result | Promise<Result>,
  ): Promise<Result> {
    return this.context.commit(change => {
      this.checkAdmin()
      return make(change, this.tables(), this.context.nowMs())
    })
  }
}

/** Throws `not-found`. The text that was asked for is not echoed: it is a peer's. */
export function named<Row extends { readonly id: string }>(table: Table<Row>, what: string, idOrName: string): Row {
  const row = table.find(idOrName)
  if (row === undefined) throw new ThingmeshError('not-found', `no ${what} has this id or name`)
  return row
}
