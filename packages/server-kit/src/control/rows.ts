import type { Channel, Domain, Grant, Key, Thing, Token } from '@thingmesh/core'
import type { ScramKeys } from './scram.ts'

/** Id and name of the domain that is always there. */
export const defaultDomain = 'default'

/**
 * What the registry holds in memory, one row per durable record, frozen. `hash` is the keyed hash of a secret; the
 * secret itself is nowhere.
 */
export interface DomainRow {
  readonly kind: 'domain'
  readonly id: string
  readonly item: Domain
  /** It has had an admin token, be it long revoked: nobody gets a first one any more. */
  readonly claimed: boolean
}
export interface ThingRow {
  readonly kind: 'thing'
  readonly id: string
  readonly item: Thing
}
export interface ChannelRow {
  readonly kind: 'channel'
  readonly id: string
  readonly item: Channel
}
export interface GrantRow {
  readonly kind: 'grant'
  readonly id: string
  readonly item: Grant
}
export interface KeyRow {
  readonly kind: 'key'
  readonly id: string
  readonly item: Key
  /** Of a secret; a public key has neither. */
  readonly hash?: string | undefined
  /** Absent for keys from before there was SCRAM. */
  readonly scram?: ScramKeys | undefined
}
export interface TokenRow {
  readonly kind: 'token'
  readonly id: string
  readonly item: Token
  readonly hash: string
}
/** What the hashes are keyed with. There is one, `hub`. */
export interface SecretRow {
  readonly kind: 'secret'
  readonly id: string
  /** 32 random bytes, base64url. */
  readonly secret: string
}

export type Row = DomainRow | ThingRow | ChannelRow | GrantRow | KeyRow | TokenRow | SecretRow
export type RowKind = Row['kind']

/** Owners before what they own: the order to load in. */
export const rowKinds = [
  'secret',
  'domain',
  'thing',
  'channel',
  'grant',
  'key',
  'token',
] as const satisfies readonly RowKind[]
