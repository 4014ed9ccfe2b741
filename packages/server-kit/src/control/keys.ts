import { type Key, type NewKey, ThingmeshError } from '@thingmesh/core'
import type { KeyCollection } from '../contracts/index.ts'
import type { Change } from './change.ts'
import { type DomainAccess, named } from './context.ts'
import { isExpired } from './credentials.ts'
import { parseWhole } from './described.ts'
import { parsePublicKey } from './public-key.ts'
import type { KeyRow } from './rows.ts'
import { deriveScramKeys } from './scram.ts'
import { newId } from './secrets.ts'

/** Adds a key to the change. Its secret is in what is returned and nowhere else. */
export async function makeKey(
  access: DomainAccess,
  change: Change,
  thing: string,
  nowMs: number,
  expiresInSeconds: number | undefined,
): Promise<NewKey> {
  const item = newKey(access, thing, nowMs, expiresInSeconds, { kind: 'secret' })
  const keeper = access.context.keeper()
  const { secret, hash } = keeper.make('key', item.id)
  // The thing's salt and not the key's: it goes out before it is known which of a thing's two keys its peer has.
  const scram = await deriveScramKeys(secret, keeper.scramSalt(thing))
  change.put({ kind: 'key', id: item.id, item, hash, scram })
  return Object.freeze({ ...item, secret })
}

function newKey(
  access: DomainAccess,
  thing: string,
  nowMs: number,
  expiresInSeconds: number | undefined,
  what: Pick<Key, 'kind' | 'publicKey'>,
): Key {
  return Object.freeze({
    id: newId(),
    domain: access.domain,
    createdAtMs: nowMs,
    updatedAtMs: nowMs,
    thing,
    ...what,
    ...(expiresInSeconds !== undefined && { expiresAtMs: nowMs + expiresInSeconds * 1000 }),
  })
}

export function keyCollection(access: DomainAccess): KeyCollection {
  const { limits } = access

  /** Refuses what would make one valid key too many. Expired ones go: they are of no use, and would pile up. */
  const makeRoom = (change: Change, rows: readonly KeyRow[], nowMs: number): readonly KeyRow[] => {
    for (const row of rows) if (isExpired(row, nowMs)) endKey(change, row)
    const valid = rows.filter(row => !isExpired(row, nowMs))
    const max = limits.validKeysPerThingMax
    if (valid.length < max) return valid
    throw new ThingmeshError(
      'conflict',
      `the thing has ${valid.length} valid keys, the limit validKeysPerThingMax is ${max}`,
      { details: { limit: 'validKeysPerThingMax', found: valid.length, max } },
    )
  }

  return {
    async list(thing) {
      const tables = access.tables()
      const rows = tables.keysByThing.of(named(tables.things, 'thing', thing).id)
      return rows.map(row => row.item).sort((a, b) => a.createdAtMs - b.createdAtMs || (a.id < b.id ? -1 : 1))
    },

    async create(thing, options = {}) {
      access.checkAdmin()
      const lifetime = parseLifetime(access, options.expiresInSeconds)
      return access.change((change, tables, nowMs) => {
        const { id } = named(tables.things, 'thing', thing)
        makeRoom(change, tables.keysByThing.of(id), nowMs)
        return makeKey(access, change, id, nowMs, lifetime)
      })
    },

    async register(thing, options) {
      access.checkAdmin()
      const lifetime = parseLifetime(access, options.expiresInSeconds)
      const publicKey = parsePublicKey(options.publicKey)
      return access.change((change, tables, nowMs) => {
        const { id } = named(tables.things, 'thing', thing)
        const valid = makeRoom(change, tables.keysByThing.of(id), nowMs)
        if (valid.some(row => row.item.publicKey === publicKey)) {
          throw new ThingmeshError('conflict', 'the thing has this public key already')
        }
        const item = newKey(access, id, nowMs, lifetime, { kind: 'public-key', publicKey })
        change.put({ kind: 'key', id: item.id, item })
        return item
      })
    },

    async rotate(thing, options = {}) {
      access.checkAdmin()
      const grace = parseWhole('graceSeconds', options.graceSeconds ?? 0, 0, limits.lifetimeSecondsMax)
      return access.change((change, tables, nowMs) => {
        const { id } = named(tables.things, 'thing', thing)
        const rows = tables.keysByThing.of(id)
        if (grace === 0) for (const row of rows) endKey(change, row)
        else for (const row of makeRoom(change, rows, nowMs)) shorten(change, row, nowMs, nowMs + grace * 1000)
        return makeKey(access, change, id, nowMs, undefined)
      })
    },

    async revoke(thing, key) {
      access.checkAdmin()
      return access.change((change, tables) => {
        const { id } = named(tables.things, 'thing', thing)
        const row = tables.keysByThing.of(id).find(candidate => candidate.id === key)
        if (row === undefined) throw new ThingmeshError('not-found', 'the thing has no key of this id')
        endKey(change, row)
      })
    },
  }
}

/** Seconds until a key or token expires, checked. */
export function parseLifetime(access: DomainAccess, seconds: number | undefined): number | undefined {
  return seconds === undefined
    ? undefined
    : parseWhole('expiresInSeconds', seconds, 1, access.limits.lifetimeSecondsMax)
}

function endKey(change: Change, row: KeyRow): void {
  change.delete(row)
  change.announce({ kind: 'credential-revoked', credentialId: row.id })
}

/** A key that ends earlier by itself keeps its end. */
function shorten(change: Change, row: KeyRow, nowMs: number, endMs: number): void {
  if (row.item.expiresAtMs !== undefined && row.item.expiresAtMs <= endMs) return
  change.put({ ...row, item: Object.freeze({ ...row.item, expiresAtMs: endMs, updatedAtMs: nowMs }) })
}
