import { type Thing, ThingmeshError } from '@thingmesh/core'
import type { CredentialDirectory, ProvedSecret, PublicKeyEntry, ScramAccount } from '../contracts/index.ts'
import { defaultDomain, type KeyRow, type ThingRow, type TokenRow } from './rows.ts'
import { scramIterations } from './scram.ts'
import { type SecretKeeper, secretId, secretKind } from './secrets.ts'
import type { RegistryState } from './state.ts'

export function isExpired(row: KeyRow | TokenRow, nowMs: number): boolean {
  return row.item.expiresAtMs !== undefined && row.item.expiresAtMs <= nowMs
}

interface ValidKey {
  readonly row: KeyRow
  readonly thing: Thing
  readonly domainName: string
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

  publicKeysOf(identity: string): readonly PublicKeyEntry[] {
    return this.#validKeys(this.#thing(identity)).flatMap(({ row: { item: key }, ...of }) => {
      if (key.publicKey === undefined) return []
      return [{ key, ...of, publicKey: Buffer.from(key.publicKey, 'base64url') }]
    })
  }

  scramOf(identity: string): ScramAccount {
    const keeper = this.#keeper()
    if (keeper === undefined) throw new ThingmeshError('unavailable', 'the registry is not running')
    const row = this.#thing(identity)
    const verifiers = this.#validKeys(row).flatMap(({ row: { item: key, scram }, ...of }) => {
      if (scram === undefined) return []
      const storedKey = Buffer.from(scram.storedKey, 'base64url')
      return [{ key, ...of, storedKey, serverKey: Buffer.from(scram.serverKey, 'base64url') }]
    })
    return { salt: keeper.scramSalt(row?.id ?? identity), iterations: scramIterations, verifiers }
  }

  isValid(credentialId: string): boolean {
    const row = this.#row(credentialId, 'key') ?? this.#row(credentialId, 'token')
    return row !== undefined && this.#standing(row) !== undefined
  }

  thingById(id: string): Thing | undefined {
    // Ids are unique in the hub, and their tables are not.
    for (const tables of this.#state().allTables()) {
      const thing = tables.things.get(id)?.item
      if (thing !== undefined) return thing
    }
    return undefined
  }

  thingByName(name: string): Thing | undefined {
    return this.#state().tables(defaultDomain)?.things.byKey(name)?.item
  }

  #row(id: string, kind: 'key' | 'token' | undefined): KeyRow | TokenRow | undefined {
    return kind === 'key' ? this.#state().keys.get(id) : this.#state().tokens.get(id)
  }

  #thing(identity: string): ThingRow | undefined {
    const state = this.#state()
    return state.things.get(identity) ?? state.tables(defaultDomain)?.things.find(identity)
  }

  #validKeys(thing: ThingRow | undefined): readonly ValidKey[] {
    if (thing?.item.enabled !== true) return []
    const nowMs = this.#nowMs()
    const domainName = this.#nameOf(thing.item.domain)
    const rows = this.#state().tables(thing.item.domain)?.keysByThing.of(thing.id) ?? []
    return rows.filter(row => !isExpired(row, nowMs)).map(row => ({ row, thing: thing.item, domainName }))
  }

  #standing(row: KeyRow | TokenRow): ProvedSecret | undefined {
    if (isExpired(row, this.#nowMs())) return undefined
    const { domain } = row.item
    const domainName = this.#nameOf(domain)
    if (row.kind === 'token') return { kind: 'token', token: row.item, domainName }
    const thing = this.#state().tables(domain)?.things.get(row.item.thing)?.item
    return thing?.enabled === true ? { kind: 'key', key: row.item, thing, domainName } : undefined
  }

  #nameOf(domain: string): string {
    return this.#state().domains.get(domain)?.item.name ?? domain
  }
}
