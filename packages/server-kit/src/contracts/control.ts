import type {
  Action,
  Channel,
  Domain,
  Grant,
  JsonObject,
  JsonValue,
  Key,
  NewKey,
  NewToken,
  RecordPolicy,
  Retention,
  Thing,
  Token,
  TokenScope,
} from '@thingmesh/core'
import type { MetricFamily } from './meter.ts'
import type { Page, PageQuery } from './page.ts'
import type { PresenceDirectory } from './presence.ts'

/** The registry of one domain, the hub's meters, and who is there, as one principal may use them. */
export interface Control extends RegistryControl {
  readonly presence: PresenceDirectory
}

/**
 * The registry's own part. Every change is durable when its
 * promise settles, and in force by then. Whatever takes a thing or a channel takes its id or its name. Throws `not-found`, `conflict` (name taken; a third valid key),
 * `invalid-argument`, `permission-denied` (a change with a `read` scope).
 */
export interface RegistryControl {
  readonly domain: string
  readonly domains: DomainCollection
  readonly things: Omit<Collection<Thing, ThingDraft, ThingChange>, 'create'> & {
    /** With the first key, whose secret is shown this once. */
    create(draft: ThingDraft): Promise<Thing & { readonly key: NewKey }>
    /** All or none. */
    createMany(drafts: readonly ThingDraft[]): Promise<readonly (Thing & { readonly key: NewKey })[]>
  }
  readonly channels: Collection<Channel, ChannelDraft, ChannelChange> & {
    createMany(drafts: readonly ChannelDraft[]): Promise<readonly Channel[]>
  }
  readonly grants: Collection<Grant, GrantDraft, GrantChange, GrantQuery> & {
    createMany(drafts: readonly GrantDraft[]): Promise<readonly Grant[]>
  }
  readonly keys: KeyCollection
  readonly tokens: TokenCollection
  metrics(): readonly MetricFamily[]
}

export interface Collection<Item, Draft, Change, Query extends PageQuery = DescribedQuery> {
  create(draft: Draft): Promise<Item>
  list(query?: Query): Promise<Page<Item>>
  get(idOrName: string): Promise<Item>
  update(idOrName: string, change: Change): Promise<Item>
  remove(idOrName: string): Promise<void>
}

export interface DescribedQuery extends PageQuery {
  /** Names that start so. */
  readonly name?: string | undefined
  readonly tag?: string | undefined
  /** Top-level members of the metadata that must be equal. */
  readonly metadata?: Readonly<Record<string, JsonValue>> | undefined
}

export interface GrantQuery extends PageQuery {
  readonly thing?: string | undefined
  readonly channel?: string | undefined
}

interface DescribedDraft {
  readonly name: string
  readonly metadata?: JsonObject | undefined
  readonly tags?: readonly string[] | undefined
  readonly enabled?: boolean | undefined
}

export type ThingDraft = DescribedDraft
export type ThingChange = Partial<DescribedDraft>
export interface ChannelDraft extends DescribedDraft {
  readonly record?: RecordPolicy | undefined
  readonly retention?: Partial<Retention> | undefined
}
/** A channel keeps its name: it is part of every topic in the log. */
export type ChannelChange = Partial<Omit<ChannelDraft, 'name'>>

export interface GrantDraft {
  readonly thing: string
  readonly channel: string
  readonly actions: readonly Action[]
  readonly pattern?: string | undefined
}
export interface GrantChange {
  readonly actions?: readonly Action[] | undefined
  readonly pattern?: string | undefined
}

export interface KeyCollection {
  list(thing: string): Promise<readonly Key[]>
  /** `conflict` where the thing has two valid keys already. */
  create(thing: string, options?: { readonly expiresInSeconds?: number | undefined }): Promise<NewKey>
  /**
   * A public key, with whose private key the thing proves itself: Ed25519, 32 bytes in base64url. It counts as one of
   * the two. `conflict` where the thing has it already, `invalid-argument` for what is no key to rely on.
   */
  register(
    thing: string,
    options: { readonly publicKey: string; readonly expiresInSeconds?: number | undefined },
  ): Promise<Key>
  /** A new secret; the keys before it, of either kind, end after the grace, 0 by default. */
  rotate(thing: string, options?: { readonly graceSeconds?: number | undefined }): Promise<NewKey>
  revoke(thing: string, key: string): Promise<void>
}

export interface TokenDraft {
  readonly name: string
  readonly scope: TokenScope
  readonly expiresInSeconds?: number | undefined
}

export interface TokenCollection {
  create(draft: TokenDraft): Promise<NewToken>
  list(query?: PageQuery): Promise<Page<Token>>
  get(id: string): Promise<Token>
  revoke(id: string): Promise<void>
}

/** For `admin` tokens of the domain `default` only: they make the other domains, each with its first admin token. */
export interface DomainCollection {
  create(draft: { readonly name: string }): Promise<Domain & { readonly token: NewToken }>
  list(query?: PageQuery): Promise<Page<Domain>>
}
