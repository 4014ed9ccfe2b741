import type { CredentialDirectory, ProvedSecret } from '../contracts/index.ts'
import type { KeyRow, TokenRow } from './rows.ts'
import { type SecretKeeper, secretId, secretKind } from './secrets.ts'
import type { RegistryState } from './state.ts'

export function isExpired(row: KeyRow | TokenRow, nowMs: number): boolean {
  return row.item.expiresAtMs !== undefined && row.item.expiresAtMs <= nowMs
}

/** The registry, as authenticators see it. */
export class RegistryCredentials implements CredentialDirectory {
  readonly #state: () => RegistryState
  readonly #keeper: () => SecretKeeper | undefined
  readonly #nowMs: () => number

  constructor(state: () => RegistryState, keeper: () => SecretKeeper | undefined, nowMs: () => number) {
    this.#state = state
    this.#keeper = keeper
    this.#nowMs = nowMs
  }

  formOf(secret: string): 'key' | 'token' | undefined {
    return secretKind(secret)
  }

  prove(secret: string): ProvedSecret | undefined {
    const id = secretId(secret)
    const row = id === undefined ? undefined : this.#row(id, secretKind(secret))
    const matches = this.#keeper()?.matches(secret, row?.hash) === true
    return row !== undefined && matches ? this.#standing(row) : undefined
  }

  isValid(credentialId: string): boolean {
    const row = this.#row(credentialId, 'key') ?? this.#row(credentialId, 'token')
    return row !== undefined && this.#standing(row) !== undefined
  }

  #row(id: string, kind: 'key' | 'token' | undefined): KeyRow | TokenRow | undefined {
    return kind === 'key' ? this.#state().keys.get(id) : this.#state().tokens.get(id)
  }

  #standing(row: KeyRow | TokenRow): ProvedSecret | undefined {
    if (isExpired(row, this.#nowMs())) return undefined
    const { domain } = row.item
    const domainName = this.#state().domains.get(domain)?.item.name ?? domain
    if (row.kind === 'token') return { kind: 'token', token: row.item, domainName }
    const thing = this.#state().tables(domain)?.things.get(row.item.thing)?.item
    return thing?.enabled === true ? { kind: 'key', key: row.item, thing, domainName } : undefined
  }
}
