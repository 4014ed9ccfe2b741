import { type Action, actions, filtersIntersect, matchesFilter } from '@thingmesh/core'
import type { Rights } from '../contracts/index.ts'

/** Filters by action. Neither look-up allocates. */
export class CompiledRights implements Rights {
  readonly #filters: ReadonlyMap<Action, readonly string[]>

  constructor(grants: Iterable<{ readonly actions: readonly Action[]; readonly filter: string }>) {
    const sets = new Map(actions.map(action => [action, new Set<string>()]))
    for (const grant of grants) for (const action of grant.actions) sets.get(action)?.add(grant.filter)
    this.#filters = new Map([...sets].map(([action, filters]) => [action, [...filters]]))
  }

  may(action: Action, topic: string): boolean {
    const filters = this.#filters.get(action)
    if (filters === undefined) return false
    for (let i = 0; i < filters.length; i++) if (matchesFilter(filters[i]!, topic)) return true
    return false
  }

  mayOnSome(action: Action, filter: string): boolean {
    const filters = this.#filters.get(action)
    if (filters === undefined) return false
    for (let i = 0; i < filters.length; i++) if (filtersIntersect(filters[i]!, filter)) return true
    return false
  }
}
