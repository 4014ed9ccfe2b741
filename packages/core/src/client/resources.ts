import type { ThingmeshError } from '../errors/index.ts'
import type {
  Action,
  Channel,
  Domain,
  Grant,
  JsonObject,
  Key,
  NewKey,
  NewToken,
  Presence,
  PresenceUpdate,
  Principal,
  RecordPolicy,
  Retention,
  Thing,
  Token,
  TokenScope,
} from '../model/index.ts'
import type { Backoff } from './backoff.ts'
import type { CancelSignal } from './platform.ts'

export interface CallOptions {
  readonly signal?: CancelSignal | undefined
}

interface DescribedDraft {
  readonly name: string
  readonly metadata?: JsonObject | undefined
  readonly tags?: readonly string[] | undefined
  /** True by default. */
  readonly enabled?: boolean | undefined
}

export type NewThing = DescribedDraft
export type ThingUpdate = Partial<DescribedDraft>

export interface NewChannel extends DescribedDraft {
  readonly record?: RecordPolicy | undefined
  readonly retention?: Partial<Retention> | undefined
}
/** A channel keeps its name: it is part of every topic in the log. */
export type ChannelUpdate = Partial<Omit<NewChannel, 'name'>>

export interface NewGrant {
  /** The thing's name or id. */
  readonly thing: string
  /** The channel's name or id. */
  readonly channel: string
  readonly actions: readonly Action[]
  /** A filter over subtopics; `#`, the default, is the whole channel. */
  readonly pattern?: string | undefined
}
export interface GrantUpdate {
  readonly actions?: readonly Action[] | undefined
  readonly pattern?: string | undefined
}

export interface TokenRequest {
  readonly name: string
  readonly scope: TokenScope
  readonly expiresInSeconds?: number | undefined
}

/** A thing as it is answered when it is made: with its first key, whose secret is shown this once. */
export type ThingWithKey = Thing & { readonly key: NewKey }

export interface PageSize {
  /** Items that each request asks for, 1 to 1,000; 100 by default. All pages are gone through whatever it is. */
  readonly pageSize?: number | undefined
}

export interface NamedQuery extends PageSize {
  /** Names that start so. */
  readonly name?: string | undefined
  readonly tag?: string | undefined
  /** Top-level members of the metadata that must be equal. */
  readonly metadata?: Readonly<Record<string, null | boolean | number | string>> | undefined
}

export interface GrantFilter extends PageSize {
  readonly thing?: string | undefined
  readonly channel?: string | undefined
}

/**
 * The items of one kind. Whatever is named by `idOrName` is named by either. Throws `not-found`, `conflict` (the name
 * is taken), `invalid-argument`, `permission-denied`, `unauthenticated`, and what a network does.
 */
export interface ResourceClient<Item, Draft, Update, Query, Created = Item> {
  create(draft: Draft, options?: CallOptions): Promise<Created>
  /** All or none, in the order given. */
  createMany(drafts: readonly Draft[], options?: CallOptions): Promise<readonly Created[]>
  /** Every item, page by page as the loop goes on. */
  list(query?: Query, options?: CallOptions): AsyncGenerator<Item, void, undefined>
  get(idOrName: string, options?: CallOptions): Promise<Item>
  update(idOrName: string, update: Update, options?: CallOptions): Promise<Item>
  remove(idOrName: string, options?: CallOptions): Promise<void>
}

export type ThingClient = ResourceClient<Thing, NewThing, ThingUpdate, NamedQuery, ThingWithKey>
export type ChannelClient = ResourceClient<Channel, NewChannel, ChannelUpdate, NamedQuery>
export type GrantClient = ResourceClient<Grant, NewGrant, GrantUpdate, GrantFilter>

/** A thing has two valid keys at most, so that one can take over from the other. */
export interface KeyClient {
  list(thing: string, options?: CallOptions): Promise<readonly Key[]>
  /** Throws `conflict` where the thing has two valid keys already. */
  create(thing: string, options?: CallOptions & { readonly expiresInSeconds?: number | undefined }): Promise<NewKey>
  /** A public key of Ed25519, 32 bytes in base64url, with whose private key the thing proves itself. */
  register(
    thing: string,
    options: CallOptions & { readonly publicKey: string; readonly expiresInSeconds?: number | undefined },
  ): Promise<Key>
  /** A new secret; the keys before it, of either kind, end after the grace, 0 by default. */
  rotate(thing: string, options?: CallOptions & { readonly graceSeconds?: number | undefined }): Promise<NewKey>
  revoke(thing: string, key: string, options?: CallOptions): Promise<void>
}

export interface TokenClient {
  /** The secret is shown this once. */
  create(request: TokenRequest, options?: CallOptions): Promise<NewToken>
  list(query?: PageSize, options?: CallOptions): AsyncGenerator<Token, void, undefined>
  get(id: string, options?: CallOptions): Promise<Token>
  revoke(id: string, options?: CallOptions): Promise<void>
}

/** For `admin` tokens of the domain `default`. */
export interface DomainClient {
  /** With its first admin token, whose secret is shown this once. */
  create(draft: { readonly name: string }, options?: CallOptions): Promise<Domain & { readonly token: NewToken }>
  list(query?: PageSize, options?: CallOptions): AsyncGenerator<Domain, void, undefined>
}

/** Who is connected, and who was there since the hub started. */
export interface PresenceClient {
  list(
    query?: PageSize & {
      /** Only those that are connected, or only those that are not. */
      readonly connected?: boolean | undefined
    },
    options?: CallOptions,
  ): AsyncGenerator<Presence, void, undefined>
  /** Of a thing, by id or name. Throws `not-found`. */
  get(thing: string, options?: CallOptions): Promise<Presence>
  /**
   * Everybody who is known, and then who comes and goes, until the signal or `close`. Reconnects by itself, and then begins
   * anew with `reset`: until then what is known is what was. Throws what another attempt would not change.
   */
  follow(options?: PresenceFollowOptions): AsyncGenerator<PresenceUpdate, void, undefined>
}

export interface PresenceFollowOptions {
  /** Ends the loop, without an error. */
  readonly signal?: CancelSignal | undefined
  readonly backoff?: Backoff | undefined
  /** Told of each failure that will be tried again, and of when. */
  readonly onRetry?: ((error: ThingmeshError, delayMs: number) => void) | undefined
  /** Without a byte for so long, the connection is over. 40,000 by default; a hub beats every 15,000. */
  readonly silenceMs?: number | undefined
}

/** The registry of the token's domain, and who is there. */
export interface Admin {
  readonly things: ThingClient
  readonly channels: ChannelClient
  readonly grants: GrantClient
  readonly keys: KeyClient
  readonly tokens: TokenClient
  readonly domains: DomainClient
  readonly presence: PresenceClient
  /** Who the token stands for: `control` says what it may do here. */
  me(options?: CallOptions): Promise<Principal>
  /** Ends what is under way with `canceled`. Idempotent. */
  close(): void
}
