import { createHmac, randomBytes, timingSafeEqual } from 'node:crypto'

export type SecretKind = 'key' | 'token'

const prefixes: Readonly<Record<SecretKind, string>> = { key: 'tmk_', token: 'tmt_' }
/** Prefix, id in hexadecimal, 256 random bits in base64url. */
const form = /^tm[kt]_([0-9a-f]{32})_[A-Za-z0-9_-]{43}$/
const formLength = 4 + 32 + 1 + 43

/** 128 random bits: what the hub calls things, channels, and everything else it makes. */
export function newId(): string {
  return randomBytes(16).toString('hex')
}

/** What `HubSecret` is made of. */
export function newHubSecret(): string {
  return randomBytes(32).toString('base64url')
}

export function secretKind(secret: string): SecretKind | undefined {
  if (secret.startsWith(prefixes.key)) return 'key'
  return secret.startsWith(prefixes.token) ? 'token' : undefined
}

/** The id inside a secret: it makes the look-up one step. `undefined` where the text is not whole. */
export function secretId(secret: string): string | undefined {
  return secret.length === formLength ? form.exec(secret)?.[1] : undefined
}

/**
 * Makes and checks secrets. What is kept of one is its HMAC-SHA256 under the hub's own secret: who reads the table of
 * hashes without that can neither use a secret nor test a guess. The hash covers the kind and the id too, so that one
 * row's hash proves nothing for another row.
 */
export class SecretKeeper {
  readonly #hubSecret: Buffer
  /** Stands in where there is nothing to compare with, so that unknown costs what known costs. */
  readonly #decoy: { readonly secret: string; readonly hash: string }

  constructor(hubSecret: string) {
    this.#hubSecret = Buffer.from(hubSecret, 'base64url')
    const secret = `${prefixes.key}${newId()}_${newHubSecret()}`
    this.#decoy = { secret, hash: this.#hash('decoy').toString('base64url') }
  }

  make(kind: SecretKind, id: string): { readonly secret: string; readonly hash: string } {
    const secret = `${prefixes[kind]}${id}_${randomBytes(32).toString('base64url')}`
    return { secret, hash: this.#hash(secret).toString('base64url') }
  }

  /** `hash` undefined: there is none. Takes the same time whatever the answer. */
  matches(secret: string, hash: string | undefined): boolean {
    // Text of another length is not hashed: it would cost by its length.
    const found = this.#hash(secret.length === formLength ? secret : this.#decoy.secret)
    const kept = Buffer.from(hash ?? this.#decoy.hash, 'base64url')
    return kept.length === found.length && timingSafeEqual(kept, found)
  }

  /** For a thing, by its id, or for what somebody claims to be: nobody can tell one from the other. */
  scramSalt(identity: string): Uint8Array {
    return createHmac('sha256', this.#hubSecret).update(`scram salt ${identity}`).digest().subarray(0, 16)
  }

  #hash(secret: string): Buffer {
    return createHmac('sha256', this.#hubSecret).update(secret).digest()
  }
}
