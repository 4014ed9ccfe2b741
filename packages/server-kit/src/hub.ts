import { type OptionNames, type ThingmeshError, toThingmeshError } from '@thingmesh/core'
import { authenticateAll } from './auth/authenticate-all.ts'
import { certificateAuthenticator } from './auth/certificate-authenticator.ts'
import { ed25519Authenticator } from './auth/ed25519.ts'
import { failureThrottle } from './auth/failure-throttle.ts'
import { openPlaces } from './auth/places.ts'
import { keyAuthenticator, operatorTokenAuthenticator } from './auth/registry-authenticators.ts'
import { reportFaults } from './auth/report-faults.ts'
import { scramAuthenticator } from './auth/scram.ts'
import type { Authenticate, Control, Health, Ingress, Listener, Meter, Store } from './contracts/index.ts'
import { checkOptions, withDefaults } from './contracts/options.ts'
import { defaultRegistryLimits, Registry, type RegistryLimits } from './control/index.ts'
import { Committer } from './pipeline/committer.ts'
import { pipelineCounters } from './pipeline/counters.ts'
import { Cursors } from './pipeline/cursors.ts'
import { type Definition, type Definitions, toDefinitions } from './pipeline/definitions.ts'
import { Feeds } from './pipeline/feeds.ts'
import { HistoryReader } from './pipeline/history.ts'
import { HubIngress } from './pipeline/ingress.ts'
import { LastValues } from './pipeline/last-values.ts'
import { defaultHubLimits, type HubLimits, hubLimitRules } from './pipeline/limits.ts'
import { Lineage } from './pipeline/lineage.ts'
import { LogReader } from './pipeline/log-reader.ts'
import { createMeter } from './pipeline/meter.ts'
import { Presences } from './pipeline/presences.ts'
import { QueueBudget } from './pipeline/queue-budget.ts'
import { Repeats } from './pipeline/repeats.ts'
import { RetainedReplay } from './pipeline/replay.ts'
import { RetainedIndex } from './pipeline/retained.ts'
import { Retention } from './pipeline/retention.ts'
import { Router } from './pipeline/router.ts'
import { Sequencer } from './pipeline/sequencer.ts'
import { SystemTopics } from './pipeline/system-topics.ts'
import { TopicTable } from './pipeline/topics.ts'
import type { Walk } from './pipeline/walk.ts'
import { version } from './version.ts'

export interface HubOptions {
  readonly store: Store
  readonly listeners?: readonly Listener[] | undefined
  /**
   * Asked after the hub's own keys and tokens, in order: the embedder's identity provider, for one. What throws something else than a
   * refusal goes to `onFault`, with the part `authenticate`.
   */
  readonly authenticate?: readonly Authenticate[] | undefined
  readonly limits?: Partial<HubLimits> | undefined
  readonly registryLimits?: Partial<RegistryLimits> | undefined
  /**
   * Channels whose payloads the hub checks before it accepts them, on every door: what does not fit is refused with
   * `invalid-argument`. By name, in every domain. A schema that throws of its own goes to `onFault`, at most once a minute for each
   * channel, and refuses with `internal`.
   */
  readonly definitions?: readonly Definition[] | undefined
  /** What fails in the background. By default it goes to stderr, one line each. */
  readonly onFault?: ((error: ThingmeshError, where: { readonly part: string }) => void) | undefined
}

/** A running server-kit. */
export interface Hub extends AsyncDisposable {
  /** Store, then registry and log, then the doors. Throws what the first part to fail throws, with everything before it stopped. Idempotent. */
  start(): Promise<void>
  /** The doors close first; what was accepted is committed. Idempotent. */
  stop(): Promise<void>
  readonly ingress: Ingress
  /** The registry, with an administrator's rights over one domain: `default` unless told otherwise. */
  readonly control: Control
  controlOf(domain: string): Control
  readonly meter: Meter
  /** The first administrator's token: there after the very first start on this data, and never again. */
  readonly adminToken: string | undefined
}

const hubOptions: OptionNames<HubOptions> = {
  store: true,
  listeners: true,
  authenticate: true,
  limits: true,
  registryLimits: true,
  definitions: true,
  onFault: true,
}

/** Puts a hub together. Nothing runs before `start`. */
export async function createHub(options: HubOptions): Promise<Hub> {
  if (typeof options?.store?.start !== 'function')
    throw new TypeError('createHub needs a store: { store: sqliteStore(…) }')
  checkOptions('createHub', options, hubOptions)
  const { listeners = [], authenticate = [] } = options
  if (!Array.isArray(listeners) || listeners.some(listener => typeof listener?.start !== 'function'))
    throw new TypeError('createHub: listeners is an array of listeners, such as mqttListener()')
  if (!Array.isArray(authenticate) || authenticate.some(one => typeof one !== 'function'))
    throw new TypeError('createHub: authenticate is an array of functions')
  checkOptions<Partial<HubLimits>>('limits', options.limits ?? {}, defaultHubLimits, hubLimitRules)
  checkOptions<Partial<RegistryLimits>>('registryLimits', options.registryLimits ?? {}, defaultRegistryLimits)
  return new ComposedHub(options)
}

class ComposedHub implements Hub {
  readonly ingress: HubIngress
  readonly meter = createMeter()
  readonly #store: Store
  readonly #listeners: readonly Listener[]
  readonly #limits: HubLimits
  readonly #registry: Registry
  readonly #parts: ReturnType<typeof composeWalk>
  readonly #onFault: NonNullable<HubOptions['onFault']>
  /** In the order they were started; stopped in reverse. */
  #started: { readonly part: string; stop(): Promise<void> | void }[] = []
  #transition: Promise<void> = Promise.resolve()
  #adminToken: string | undefined
  /** Faults that refuse somebody, too, and so reach a door that would tell them once more. */
  readonly #told = new WeakSet<ThingmeshError>()

  constructor(options: HubOptions) {
    this.#store = options.store
    this.#listeners = options.listeners ?? []
    this.#limits = withDefaults(defaultHubLimits, options.limits ?? {})
    this.#onFault = options.onFault ?? logFault
    this.#registry = new Registry({
      records: this.#store.registry,
      limits: options.registryLimits,
      onFault: error => this.#onFault(toThingmeshError(error), { part: 'registry' }),
    })
    const onFault = (error: unknown, part: string) => this.#onFault(toThingmeshError(error), { part })
    const tell = (error: ThingmeshError, part: string) => {
      this.#told.add(error)
      onFault(error, part)
    }
    this.#parts = composeWalk({
      store: this.#store,
      registry: this.#registry,
      limits: this.#limits,
      definitions: toDefinitions(options.definitions ?? [], error => tell(error, 'definitions')),
      meter: this.meter,
      controlOf: (principal, ended) => this.#control(principal, ended),
      onFault,
    })
    const { walk } = this.#parts
    this.ingress = new HubIngress(walk, {
      authenticate: reportFaults(
        authenticateAll([
          keyAuthenticator(this.#registry.credentials),
          operatorTokenAuthenticator(this.#registry.credentials),
          ed25519Authenticator(this.#registry.credentials, () => this.#store.log.id.origin),
          scramAuthenticator(this.#registry.credentials),
          ...(options.authenticate ?? []),
          // Last: the embedder may map certificates in its own way.
          certificateAuthenticator(this.#registry.credentials),
        ]),
        error => tell(error, 'authenticate'),
      ),
      throttle: failureThrottle(),
      logId: () => this.#store.log.id,
    })
    this.#registry.authorizer.onChange(change => this.ingress.rightsChanged(change))
    this.meter.gauge('thingmesh_sessions', 'Sessions with a connection.', () => this.ingress.connectionCount)
    this.meter.gauge('thingmesh_sessions_kept', 'Sessions with a client id, connected or not.', () => walk.feeds.size)
    this.meter.gauge('thingmesh_subscriptions', 'Filters that are subscribed to.', () => walk.router.size)
    this.meter.gauge('thingmesh_shared_subscriptions', 'Shared subscriptions.', () => walk.feeds.groups.size)
    this.meter.gauge('thingmesh_retained_messages', 'Topics that have a last value.', () => walk.retained.count())
    this.meter.gauge(
      'thingmesh_presences_away',
      'Principals remembered that have no session.',
      () => walk.presences.awayCount,
    )
    this.meter.gauge('thingmesh_idempotency_keys', 'Idempotency keys remembered.', () => walk.repeats.size)
    this.meter.gauge(
      'thingmesh_commit_waiting_bytes',
      'Accepted and not yet written.',
      () => walk.committer.waitingBytes,
    )
    this.meter.gauge(
      'thingmesh_queues_bytes',
      'Held in memory for sessions that do not keep up.',
      () => this.#parts.budget.used,
    )
  }

  get adminToken(): string | undefined {
    return this.#adminToken
  }

  get control(): Control {
    return this.controlOf('default')
  }

  controlOf(domain: string): Control {
    return this.#control({ embedder: true, domain })
  }

  #control(as: Parameters<Registry['control']>[0], ended?: AbortSignal): Control {
    const control = this.#registry.control(as, () => this.meter.collect())
    const thingId = async (thing: string) => (await control.things.get(thing)).id
    return { ...control, presence: this.#parts.walk.presences.directory(control.domain, { ended, thingId }) }
  }

  start(): Promise<void> {
    return this.#next(() => this.#start())
  }

  stop(): Promise<void> {
    return this.#next(() => this.#stop())
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.stop()
  }

  /** Starts and stops come one after the other, whoever calls them. */
  #next(step: () => Promise<void>): Promise<void> {
    this.#transition = this.#transition.then(step, step)
    return this.#transition
  }

  async #start(): Promise<void> {
    if (this.#started.length > 0) return
    const { walk, sequencer, retention, reader, system } = this.#parts
    const { log } = this.#store
    try {
      await this.#begin('store', this.#store)
      await this.#begin('registry', { start: () => this.#registry.start(), stop: () => this.#registry.stop() })
      walk.topics.invalidate()
      walk.router.startAt(log.nextSequence - 1)
      const lineage = new Lineage(log.id.origin, log.lineage)
      walk.cursors.start(lineage)
      await walk.retained.start(this.#store.retained)
      await walk.repeats.start(this.#store.keys, lineage)
      await this.#begin('log', {
        start: () => {
          reader.start()
          return sequencer.start()
        },
        stop: async () => {
          reader.stop()
          await walk.committer.settled()
        },
      })
      await this.#begin('sessions', walk.feeds)
      await this.#begin('retention', {
        start: () => retention.start(this.#limits.pruneIntervalMs, error => walk.onFault(error, 'retention')),
        stop: () => retention.stop(),
      })
      await this.#begin('system topics', {
        start: () => system.start(this.#limits.systemIntervalMs),
        stop: () => system.stop(),
      })
      await this.#begin('ingress', this.ingress)
      for (const listener of this.#listeners) {
        const part = listener.protocol
        await this.#begin(part, {
          start: () =>
            listener.start({
              ingress: this.ingress,
              meter: this.meter,
              places: openPlaces,
              keysPerPublisherMax: this.#limits.keysPerPublisherMax,
              onFault: (thrown, where) => {
                const error = toThingmeshError(thrown)
                if (!this.#told.has(error)) this.#onFault(error, where)
              },
            }),
          stop: () => listener.stop(),
        })
      }
      // Last: a token made by a start that fails after it would be lost, and there is no second one.
      this.#adminToken ??= (await this.#registry.bootstrap())?.secret
    } catch (error) {
      await this.#stop()
      throw error
    }
  }

  async #begin(
    part: string,
    lifecycle: { start(): Promise<void> | void; stop(): Promise<void> | void },
  ): Promise<void> {
    // Listed before it starts: a part that fails half-way is stopped like the others.
    this.#started.push({ part, stop: () => lifecycle.stop() })
    await lifecycle.start()
  }

  async #stop(): Promise<void> {
    for (const { part, stop } of this.#started.splice(0).reverse()) {
      try {
        await stop()
      } catch (error) {
        this.#onFault(toThingmeshError(error), { part })
      }
    }
  }
}

interface WalkOptions {
  readonly store: Store
  readonly registry: Registry
  readonly limits: HubLimits
  readonly definitions: Definitions
  readonly meter: Meter
  readonly controlOf: Walk['controlOf']
  readonly onFault: (error: unknown, part: string) => void
}

function composeWalk({ store, registry, limits, definitions, meter, controlOf, onFault }: WalkOptions) {
  const counters = pipelineCounters(meter)
  const { channels, authorizer } = registry
  const { log } = store
  const topics = new TopicTable(channels, limits, definitions)
  const router = new Router(error => onFault(error, 'router'))
  const retained = new RetainedIndex(limits, counters)
  const lastValues = new LastValues(retained, limits.lastValuesBytesMax)
  meter.gauge('thingmesh_last_values_bytes', 'Last values in memory because they were read.', () => lastValues.bytes)
  const sequencer = new Sequencer(log, error => onFault(error, 'log'))
  const cursors = new Cursors(() => sequencer.last)
  const committer = new Committer(log, limits, counters, {
    committed: message => router.routeCommitted(message),
    fault: error => onFault(error, 'store'),
  })
  const reader = new LogReader(log, error => onFault(error, 'log'))
  const budget = new QueueBudget(limits.queuesBytesMax)
  const feeds = new Feeds(
    store,
    router,
    {
      limits,
      counters,
      budget,
      reader,
      head: () => router.head,
      rightsGeneration: () => topics.generation,
    },
    error => onFault(error, 'sessions'),
  )
  const system = new SystemTopics({ meter, router, logId: () => log.id, version })
  const walk: Walk = {
    limits,
    counters,
    authorizer,
    channels,
    topics,
    sequencer,
    retained,
    repeats: new Repeats(limits, counters),
    committer,
    router,
    feeds,
    replay: new RetainedReplay(store.retained, retained, system, {
      settled: () => committer.settled(),
      fault: error => onFault(error, 'retained'),
    }),
    cursors,
    history: new HistoryReader({
      log,
      retained: store.retained,
      lastValues,
      channels,
      committer,
      router,
      cursors,
      limits,
      counters,
    }),
    presences: new Presences(limits.presencesMax, counters.presencesForgotten),
    controlOf,
    health: () => healthOf(committer),
    onFault,
  }
  const retention = new Retention({ log, channels, counters, lowestCursor: () => feeds.lowestCursor() ?? router.head })
  return { walk, sequencer, retention, reader, budget, system }
}

function healthOf(committer: Committer): Health {
  const status = committer.failing ? 'fail' : 'pass'
  return {
    status,
    version,
    checks: { store: { status, ...(committer.failing && { output: 'the last commit failed' }) } },
  }
}

function logFault(error: ThingmeshError, { part }: { readonly part: string }): void {
  const cause = error.cause instanceof Error ? ` (${error.cause.message})` : ''
  console.error(`thingmesh: ${part}: ${error.code}: ${error.message}${cause}`)
}
