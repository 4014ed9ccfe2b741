import { ThingmeshError } from '@thingmesh/core'
import { Code } from '@thingmesh/core/coap'
import type { Credential, Ingress, Session } from '../../contracts/index.ts'
import type { CoapCounters, ObserverEnding } from './counters.ts'
import type { Downloads } from './downloads.ts'
import { Representations } from './mapping.ts'
import { NotificationBudget } from './notification-queue.ts'
import { Observer, type ObserverContext, type ObserverFacts } from './observer.ts'
import type { ServiceLimits } from './options.ts'
import type { Remote } from './remote.ts'
import { toPeer } from './sessions.ts'

export interface ObserversContext {
  readonly ingress: Ingress
  readonly limits: ServiceLimits
  readonly counters: CoapCounters
  readonly downloads: Downloads
  readonly nowMs: () => number
  readonly onFault: (error: unknown) => void
}

/** Who observes what: by endpoint and token (RFC 7641, section 4.1), bounded by endpoint and in all. */
export class Observers {
  readonly #byRemote = new Map<string, Map<string, Observer>>()
  readonly #context: ObserversContext
  readonly #budget: NotificationBudget
  readonly #representations = new Representations()
  readonly #observerContext: ObserverContext
  #count = 0

  constructor(context: ObserversContext) {
    this.#context = context
    const { limits, downloads, nowMs, onFault } = context
    this.#budget = new NotificationBudget(limits.notificationsBytesMax)
    const onEnded = (observer: Observer, ending: ObserverEnding) => this.#remove(observer, ending)
    const parts = { budget: this.#budget, representations: this.#representations }
    this.#observerContext = { ...parts, limits, downloads, nowMs, onEnded, onFault }
  }

  get count(): number {
    return this.#count
  }

  /** Bytes of notifications that wait. */
  get waitingBytes(): number {
    return this.#budget.bytes
  }

  has({ key }: Remote): boolean {
    return this.#byRemote.has(key)
  }

  /**
   * The observer of this token, subscribed: a new one, or the one that was there (RFC 7641, section 4.1). Throws
   * `unavailable` where there are too many, and what the hub says against it.
   */
  async register(facts: ObserverFacts, credential: Credential): Promise<Observer> {
    const known = this.#find(facts)
    const isSame = known?.facts.filter === facts.filter && known.facts.accept === facts.accept
    if (isSame && known.session !== undefined) {
      await this.#renew(known, known.session)
      return known
    }
    await known?.end('deregistered')
    const observer = this.#add(facts)
    try {
      await this.#subscribe(observer, credential)
    } catch (error) {
      await observer.end('refused')
      throw error
    }
    // Ended while it waited: revoked, deregistered, or the hub stops.
    if (observer.isEnded) throw new ThingmeshError('unavailable', 'the observation ended while it began')
    return observer
  }

  /** What has no right any more hears nothing: whoever asks is told so. */
  async #renew(observer: Observer, session: Session): Promise<void> {
    try {
      session.checkSubscribe(observer.facts.filter)
    } catch (error) {
      await observer.end('refused')
      throw error
    }
  }

  deregister(remote: Remote, token: Uint8Array): void {
    void this.#find({ remote, token })?.end('deregistered')
  }

  /** Nothing is known of the endpoint any more. */
  forget({ key }: Remote): void {
    for (const observer of [...(this.#byRemote.get(key)?.values() ?? [])]) void observer.end('timeout')
  }

  /** Pings those of whom nothing was heard for long. */
  tick(): void {
    this.#budget.forget()
    this.#representations.forget()
    const silentSince = this.#context.nowMs() - this.#context.limits.observerSilenceMs
    for (const observers of this.#byRemote.values()) {
      for (const { facts } of observers.values()) {
        const { remote } = facts
        if (remote.heardAtMs <= silentSince) this.#pingOnce(remote)
        break
      }
    }
  }

  async close(): Promise<void> {
    const all = [...this.#byRemote.values()].flatMap(observers => [...observers.values()])
    const reason = new ThingmeshError('unavailable', 'the hub is stopping')
    await Promise.all(
      all.map(observer => {
        const { session } = observer
        observer.close(reason)
        return session?.close('farewell').catch(this.#context.onFault)
      }),
    )
  }

  readonly #pinged = new Set<string>()

  #pingOnce(remote: Remote): void {
    if (this.#pinged.has(remote.key)) return
    this.#pinged.add(remote.key)
    remote.ping(outcome => {
      this.#pinged.delete(remote.key)
      if (outcome === 'timeout') this.forget(remote)
    })
  }

  async #subscribe(observer: Observer, credential: Credential): Promise<void> {
    const { ingress, limits } = this.#context
    const { remote, filter, confirmable } = observer.facts
    const windowMax = limits.notificationsMax + 1
    const hello = { protocol: 'coap', credential, peer: toPeer(remote), outlet: observer, windowMax }
    const session = await ingress.open(hello)
    if (observer.isEnded) return session.close('farewell')
    observer.attach(session)
    session.resume()
    const delivery = confirmable ? 'at-least-once' : 'at-most-once'
    // The last value of one address answers the registration; those of a pattern follow it.
    const [result] = await session.subscribe([{ filter, delivery, replay: observer.isPattern ? 'always' : 'never' }])
    if (result?.ok === false) throw result.error
  }

  #add(facts: ObserverFacts): Observer {
    const { observersMax, observersPerPeerMax } = this.#context.limits
    const own = this.#byRemote.get(facts.remote.key)
    if (own !== undefined && own.size >= observersPerPeerMax) {
      throw this.#full('observers-per-peer', own.size, observersPerPeerMax)
    }
    if (this.#count >= observersMax) throw this.#full('observers', this.#count, observersMax)
    const observer = new Observer(facts, this.#observerContext)
    if (own === undefined) this.#byRemote.set(facts.remote.key, new Map([[toKey(facts.token), observer]]))
    else own.set(toKey(facts.token), observer)
    this.#count += 1
    return observer
  }

  #find({ remote, token }: Pick<ObserverFacts, 'remote' | 'token'>): Observer | undefined {
    return this.#byRemote.get(remote.key)?.get(toKey(token))
  }

  #remove({ facts: { remote, token } }: Observer, ending: ObserverEnding): void {
    const own = this.#byRemote.get(remote.key)
    own?.delete(toKey(token))
    if (own?.size === 0) this.#byRemote.delete(remote.key)
    this.#count -= 1
    this.#context.counters.ended[ending].value += 1
  }

  #full(limit: 'observers' | 'observers-per-peer', found: number, max: number): ThingmeshError {
    this.#context.counters.refused[limit].value += 1
    return new ThingmeshError('unavailable', `${found} observers, the limit is ${max}`, {
      details: { coapCode: Code.serviceUnavailable },
    })
  }
}

function toKey(token: Uint8Array): string {
  return Buffer.from(token).toString('hex')
}
