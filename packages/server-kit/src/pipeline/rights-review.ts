import type { Principal } from '@thingmesh/core'
import type { RightsChange } from '../contracts/index.ts'
import type { HistoryReader } from './history.ts'
import type { HubSession } from './session.ts'

/** Who replaces a grant by removing it and creating another one has taken nothing away. Far below the second that is promised. */
const gatherMs = 100
/** Looked at in one turn of the event loop. */
const sessionsAtOnce = 64

type Taken = Extract<RightsChange, { readonly kind: 'changed' }>

/**
 * Looks, a moment after rights were taken away, whose subscriptions nothing is left of, and ends those. Nothing is delivered in that moment either: rights are
 * weighed at delivery.
 */
export class RightsReview {
  readonly #sessions: ReadonlyMap<unknown, HubSession>
  readonly #history: HistoryReader
  /** By domain: everybody, or these principals. */
  #taken = new Map<string, Set<string> | 'everybody'>()
  /** What is still to be looked at, of the changes before: each once, however fast changes come. */
  readonly #due = new Set<HubSession>()
  #timer: NodeJS.Timeout | undefined
  #turn: NodeJS.Immediate | undefined

  constructor(sessions: ReadonlyMap<unknown, HubSession>, history: HistoryReader) {
    this.#sessions = sessions
    this.#history = history
  }

  add({ domain, principal }: Taken): void {
    const known = this.#taken.get(domain)
    if (principal === undefined) this.#taken.set(domain, 'everybody')
    else if (known === undefined) this.#taken.set(domain, new Set([principal]))
    else if (known !== 'everybody') known.add(principal)
    this.#timer ??= setTimeout(() => this.#begin(), gatherMs).unref()
  }

  /** The principal is to be looked at when what was taken has been gathered. */
  isDue({ domain, id }: Pick<Principal, 'domain' | 'id'>): boolean {
    const taken = this.#taken.get(domain)
    return taken === 'everybody' || taken?.has(id) === true
  }

  stop(): void {
    clearTimeout(this.#timer)
    clearImmediate(this.#turn)
    this.#timer = undefined
    this.#turn = undefined
    this.#taken.clear()
    this.#due.clear()
  }

  #begin(): void {
    this.#timer = undefined
    const taken = this.#taken
    this.#taken = new Map()
    for (const domain of taken.keys()) this.#history.review(domain)
    for (const session of this.#sessions.values()) {
      const { domain, id } = session.principal
      const concerned = taken.get(domain)
      if (concerned === 'everybody' || concerned?.has(id)) this.#due.add(session)
    }
    this.#turn ??= setImmediate(() => this.#goOn())
  }

  #goOn(): void {
    this.#turn = undefined
    let room = sessionsAtOnce
    for (const session of this.#due) {
      if (room-- === 0) break
      this.#due.delete(session)
      session.review()
    }
    if (this.#due.size > 0) this.#turn = setImmediate(() => this.#goOn())
  }
}
