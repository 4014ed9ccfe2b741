import { type Domain, type NewToken, type Principal, ThingmeshError } from '@thingmesh/core'
import type {
  Authorizer,
  ChannelDirectory,
  CredentialDirectory,
  MetricFamily,
  RegistryControl,
  RegistryRecords,
} from '../contracts/index.ts'
import { withDefaults } from '../contracts/options.ts'
import { RegistryAuthorizer, userPrincipal } from './authorizer.ts'
import { Change } from './change.ts'
import { channelCollection } from './channels.ts'
import { type ControlContext, DomainAccess } from './context.ts'
import { isExpired, RegistryCredentials } from './credentials.ts'
import { domainCollection, firstTokenName } from './domains.ts'
import { type Expiry, ExpiryTimer } from './expiry-timer.ts'
import { grantCollection } from './grants.ts'
import { keyCollection } from './keys.ts'
import { defaultRegistryLimits, type RegistryLimits } from './limits.ts'
import { parseRecord } from './records.ts'
import { defaultDomain, type Row, rowKinds } from './rows.ts'
import { newHubSecret, SecretKeeper } from './secrets.ts'
import { RegistryState } from './state.ts'
import { thingCollection } from './things.ts'
import { makeToken, tokenCollection } from './tokens.ts'
import { toWriteError, WriteQueue } from './write-queue.ts'

export interface RegistryOptions {
  readonly records: RegistryRecords
  /** Milliseconds since 1970. */
  readonly nowMs?: () => number
  readonly limits?: Partial<RegistryLimits> | undefined
  /** For what a listener of `authorizer.onChange` throws: the change stands all the same. */
  readonly onFault?: (error: unknown, where: { readonly part: string }) => void
}

/**
 * Things, channels, grants, keys, tokens and domains: held in memory as the durable records say, changed through them.
 * One change at a time: checked, written, in force, announced, and then the call settles.
 */
export class Registry {
  readonly channels: ChannelDirectory
  readonly authorizer: Authorizer
  readonly credentials: CredentialDirectory
  readonly #records: RegistryRecords
  readonly #announcer: RegistryAuthorizer
  readonly #context: ControlContext
  readonly #queue: WriteQueue
  readonly #expiries: ExpiryTimer
  #state = new RegistryState()
  #keeper: SecretKeeper | undefined
  #starting: Promise<void> | undefined
  #open = false

  constructor(options: RegistryOptions) {
    const limits = withDefaults<RegistryLimits>(defaultRegistryLimits, options.limits ?? {})
    const nowMs = options.nowMs ?? Date.now
    const onFault =
      options.onFault ??
      ((error: unknown) => process.emitWarning(new Error('a listener of the registry failed', { cause: error })))
    const state = (): RegistryState => this.#state
    this.#records = options.records
    this.#queue = new WriteQueue(limits.waitingChangesMax)
    this.#announcer = new RegistryAuthorizer(state, limits, error => onFault(error, { part: 'registry' }))
    this.#expiries = new ExpiryTimer(nowMs, expiry => this.#expired(expiry))
    this.#context = {
      limits,
      nowMs,
      state,
      keeper: () => this.#openKeeper(),
      commit: make => this.#commit(make),
    }
    this.authorizer = this.#announcer
    this.credentials = new RegistryCredentials(state, () => this.#keeper, nowMs)
    this.channels = {
      find: (domain, name) => this.#state.tables(domain)?.channels.byKey(name)?.item,
      list: () => this.#state.channels(),
    }
  }

  /** Loads; makes what a new hub lacks. Throws `internal` for records that cannot be read. Idempotent. */
  start(): Promise<void> {
    this.#starting ??= this.#load().catch(error => {
      this.#starting = undefined
      throw error
    })
    return this.#starting
  }

  /** Finishes the changes under way and takes no more. Idempotent. */
  async stop(): Promise<void> {
    await this.#starting?.catch(() => undefined)
    this.#open = false
    this.#starting = undefined
    await this.#queue.drained()
    this.#expiries.stop()
  }

  /**
   * Makes the first admin token, where the domain `default` has never had one: an operator that has revoked them all is
   * not given another by a restart.
   */
  bootstrap(): Promise<NewToken | undefined> {
    return this.#commit(change =>
      this.#state.domains.get(defaultDomain)?.claimed === false
        ? makeToken(this.#context, change, defaultDomain, { name: firstTokenName, scope: 'admin' })
        : undefined,
    )
  }

  /**
   * The registry of the principal's domain, or of the one that the embedding program names (by id or name; `default`
   * where it names none), whose admin it is. Throws `permission-denied` for a principal without a control scope,
   * `not-found` for a domain that is not there, `unavailable` before the start.
   */
  control(
    as: Principal | { readonly embedder: true; readonly domain?: string | undefined },
    metrics: () => readonly MetricFamily[],
  ): RegistryControl {
    this.#openKeeper()
    const access = 'embedder' in as ? this.#embedderAccess(as.domain) : this.#principalAccess(as)
    return {
      domain: access.domain,
      domains: domainCollection(access),
      things: thingCollection(access),
      channels: channelCollection(access),
      grants: grantCollection(access),
      keys: keyCollection(access),
      tokens: tokenCollection(access),
      metrics,
    }
  }

  #embedderAccess(idOrName: string = defaultDomain): DomainAccess {
    const domain = this.#state.domains.find(idOrName)
    if (domain === undefined) throw new ThingmeshError('not-found', 'no domain has this id or name')
    return new DomainAccess(this.#context, domain.id, 'admin', () => true)
  }

  #principalAccess(principal: Principal): DomainAccess {
    const { control, credentialId, domain } = principal
    if (control === undefined || this.#state.tables(domain) === undefined) {
      throw new ThingmeshError('permission-denied', 'the principal has no control scope in a domain of this hub')
    }
    // A user of ours stands as long as its token does. Others end with their session.
    const ours = credentialId !== undefined && principal.id === userPrincipal(credentialId)
    return new DomainAccess(this.#context, domain, control, () => !ours || this.credentials.isValid(credentialId))
  }

  async #load(): Promise<void> {
    const rows = (await this.#records.load()).map(parseRecord).filter(row => row !== undefined)
    const missing = new Change()
    if (!rows.some(row => row.kind === 'secret')) missing.put({ kind: 'secret', id: 'hub', secret: newHubSecret() })
    if (!rows.some(row => row.kind === 'domain' && row.id === defaultDomain)) missing.put(this.#newDefaultDomain())
    if (!missing.isEmpty) await this.#write(missing)
    this.#state = new RegistryState()
    this.#expiries.stop()
    const all = [...rows, ...missing.puts]
    const nowMs = this.#context.nowMs()
    for (const kind of rowKinds) {
      for (const row of all) {
        if (row.kind !== kind) continue
        this.#put(row)
        // What had ended before the hub started has opened no session that would have to end.
        const ended = (row.kind === 'key' || row.kind === 'token') && isExpired(row, nowMs)
        if (!ended) this.#watch(row)
      }
    }
    this.#state.settle()
    this.#keeper = new SecretKeeper(this.#state.secret?.secret ?? '')
    this.#open = true
  }

  #newDefaultDomain(): Row {
    const nowMs = this.#context.nowMs()
    const item: Domain = Object.freeze({
      id: defaultDomain,
      name: defaultDomain,
      createdAtMs: nowMs,
      updatedAtMs: nowMs,
    })
    return { kind: 'domain', id: defaultDomain, item, claimed: false }
  }

  async #commit<Result>(make: (change: Change) => Result | Promise<Result>): Promise<Result> {
    if (!this.#open) throw new ThingmeshError('unavailable', 'the registry is not running')
    return this.#queue.run(async () => {
      const change = new Change()
      const result = await make(change)
      if (change.isEmpty) return result
      await this.#write(change)
      for (const { kind, id, domain } of change.deletions) this.#state.delete(kind, id, domain)
      for (const row of change.puts) {
        this.#put(row)
        this.#watch(row)
      }
      for (const rights of change.rights) this.#announcer.announce(rights)
      return result
    })
  }

  async #write(change: Change): Promise<void> {
    try {
      await this.#records.write(change.writes())
    } catch (error) {
      throw toWriteError(error)
    }
  }

  #put(row: Row): void {
    if (!this.#state.put(row)) {
      throw new ThingmeshError(
        'internal',
        `registry record ${row.kind} ${row.id} belongs to something that is not there`,
      )
    }
  }

  #watch(row: Row): void {
    if (row.kind !== 'key' && row.kind !== 'token') return
    const { expiresAtMs } = row.item
    if (expiresAtMs !== undefined) this.#expiries.add({ kind: row.kind, id: row.id, atMs: expiresAtMs })
  }

  /** The row stays until its owner makes a new one: so that people see what has expired. */
  #expired({ kind, id, atMs }: Expiry): void {
    const row = kind === 'key' ? this.#state.keys.get(id) : this.#state.tokens.get(id)
    if (row?.item.expiresAtMs !== atMs) return
    this.#announcer.announce({ kind: 'credential-revoked', credentialId: id })
    if (row.kind === 'key') return
    const { domain } = row.item
    this.#announcer.announce({ kind: 'principal-revoked', domain, principal: userPrincipal(id), deleted: true })
  }

  #openKeeper(): SecretKeeper {
    if (this.#keeper === undefined) throw new ThingmeshError('unavailable', 'the registry is not running')
    return this.#keeper
  }
}
