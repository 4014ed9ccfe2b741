import type { ChannelName } from './address.ts'
import type { Action, DomainId } from './principal.ts'

export type JsonValue = null | boolean | number | string | readonly JsonValue[] | JsonObject
export interface JsonObject {
  readonly [key: string]: JsonValue
}

interface Entity {
  /** Made by the hub: 128 random bits, lower-case hexadecimal. */
  readonly id: string
  readonly domain: DomainId
  /** Milliseconds since 1970. */
  readonly createdAtMs: number
  readonly updatedAtMs: number
}

interface Described {
  readonly metadata: JsonObject
  readonly tags: readonly string[]
  /** What is disabled stays in the registry and is refused everywhere else. */
  readonly enabled: boolean
}

export interface Domain {
  readonly id: DomainId
  readonly name: string
  readonly createdAtMs: number
  readonly updatedAtMs: number
}

/** A device or an application with an identity and keys. */
export interface Thing extends Entity, Described {
  /** Unique within the domain; as good as the id wherever a thing is named. */
  readonly name: string
}

/**
 * What enters a channel's log. `all`: everything, at-most-once messages as far as the store keeps up. `acked`: what was
 * published at least once and up. `none`: nothing beyond what sessions still have to be given.
 */
export const recordPolicies = ['all', 'acked', 'none'] as const
export type RecordPolicy = (typeof recordPolicies)[number]

export interface Retention {
  /** Oldest first, once either is exceeded. */
  readonly maxAgeSeconds: number
  readonly bytesMax: number
}

export interface Channel extends Entity, Described {
  readonly name: ChannelName
  readonly record: RecordPolicy
  readonly retention: Retention
}

/** Lets a thing do something on the part of a channel that the pattern matches. */
export interface Grant extends Entity {
  /** The thing's id. */
  readonly thing: string
  /** The channel's id. */
  readonly channel: string
  readonly actions: readonly Action[]
  /** A filter over subtopics; `#`, the default, is the whole channel. */
  readonly pattern: string
}

/**
 * `secret`: the thing presents it. `public-key`: the thing signs what the hub makes up, and its private key never leaves
 * it.
 */
export const keyKinds = ['secret', 'public-key'] as const
export type KeyKind = (typeof keyKinds)[number]

/** One of a thing's at most two valid keys. A secret is shown once and stored as a keyed hash only. */
export interface Key extends Entity {
  readonly thing: string
  readonly kind: KeyKind
  /** Of Ed25519 (RFC 8032), 32 bytes in base64url without padding. */
  readonly publicKey?: string | undefined
  readonly expiresAtMs?: number | undefined
}

/** A key as it is shown this once. The secret is the whole string that the device presents, on every protocol. */
export interface NewKey extends Key {
  readonly secret: string
}

/** `admin`: everything in the domain. `read`: look at everything. Or channels by name, to use and nothing else. */
export type TokenScope = 'admin' | 'read' | { readonly channels: readonly ChannelName[] }

/** An operator's or application's access. */
export interface Token extends Entity {
  readonly name: string
  readonly scope: TokenScope
  readonly expiresAtMs?: number | undefined
}

export interface NewToken extends Token {
  readonly secret: string
}
