import {
  type Action,
  actions,
  type ControlScope,
  type JsonObject,
  type JsonValue,
  type Key,
  type KeyKind,
  keyKinds,
  type RecordPolicy,
  type Retention,
  recordPolicies,
  ThingmeshError,
  type TokenScope,
} from '@thingmesh/core'
import type { RegistryRecord } from '../contracts/index.ts'
import { type KeyRow, type Row, type RowKind, rowKinds } from './rows.ts'

/** A row as the store keeps it. */
export function toRecord(row: Row): RegistryRecord {
  const { kind, id, ...value } = row
  // Rows are JSON but for members that are `undefined`, which JSON text leaves out.
  return { kind, id, value: value as unknown as JsonObject }
}

/**
 * A row from what the store kept; `undefined` for kinds that are somebody else's. Throws `internal` for a record that
 * cannot be read: a registry that forgets a refusal is worse than a hub that does not start.
 */
export function parseRecord(record: RegistryRecord): Row | undefined {
  const kind = rowKinds.find(known => known === record.kind)
  if (kind === undefined) return undefined
  const row = parseRow(kind, record.id, new Members(record, record.value))
  return Object.freeze(row)
}

function parseRow(kind: RowKind, id: string, value: Members): Row {
  switch (kind) {
    case 'secret':
      return { kind, id, secret: value.string('secret') }
    case 'domain': {
      const item = value.object('item')
      return {
        kind,
        id,
        item: Object.freeze({ id, name: item.string('name'), ...times(item) }),
        claimed: value.boolean('claimed'),
      }
    }
    case 'thing': {
      const item = value.object('item')
      return { kind, id, item: Object.freeze({ ...entity(id, item), name: item.string('name'), ...described(item) }) }
    }
    case 'channel': {
      const item = value.object('item')
      return {
        kind,
        id,
        item: Object.freeze({
          ...entity(id, item),
          name: item.string('name'),
          ...described(item),
          record: item.oneOf<RecordPolicy>('record', recordPolicies),
          retention: retention(item.object('retention')),
        }),
      }
    }
    case 'grant': {
      const item = value.object('item')
      return {
        kind,
        id,
        item: Object.freeze({
          ...entity(id, item),
          thing: item.string('thing'),
          channel: item.string('channel'),
          actions: item.list<Action>('actions', actions),
          pattern: item.string('pattern'),
        }),
      }
    }
    case 'key': {
      const item = value.object('item')
      return {
        kind,
        id,
        item: Object.freeze({ ...entity(id, item), thing: item.string('thing'), ...proof(item), ...expiry(item) }),
        ...kept(proof(item).kind, value),
      }
    }
    case 'token': {
      const item = value.object('item')
      return {
        kind,
        id,
        item: Object.freeze({ ...entity(id, item), name: item.string('name'), scope: scope(item), ...expiry(item) }),
        hash: value.string('hash'),
      }
    }
  }
}

function times(item: Members): { createdAtMs: number; updatedAtMs: number } {
  return { createdAtMs: item.number('createdAtMs'), updatedAtMs: item.number('updatedAtMs') }
}

function entity(id: string, item: Members): { id: string; domain: string; createdAtMs: number; updatedAtMs: number } {
  return { id, domain: item.string('domain'), ...times(item) }
}

function described(item: Members): { metadata: JsonObject; tags: readonly string[]; enabled: boolean } {
  return { metadata: item.json('metadata'), tags: item.list('tags'), enabled: item.boolean('enabled') }
}

/** Keys were secrets before there was another kind. */
function proof(item: Members): Pick<Key, 'kind' | 'publicKey'> {
  const kind = item.has('kind') ? item.oneOf<KeyKind>('kind', keyKinds) : 'secret'
  return kind === 'secret' ? { kind } : { kind, publicKey: item.string('publicKey') }
}

/** Of a secret its hash, and since there is SCRAM what that needs; of a public key nothing but itself. */
function kept(kind: KeyKind, value: Members): Pick<KeyRow, 'hash' | 'scram'> {
  if (kind === 'public-key') return {}
  const hash = value.string('hash')
  if (!value.has('scram')) return { hash }
  const scram = value.object('scram')
  return {
    hash,
    scram: Object.freeze({ storedKey: scram.string('storedKey'), serverKey: scram.string('serverKey') }),
  }
}

function expiry(item: Members): { expiresAtMs?: number } {
  return item.has('expiresAtMs') ? { expiresAtMs: item.number('expiresAtMs') } : {}
}

function retention(value: Members): Retention {
  return Object.freeze({ maxAgeSeconds: value.number('maxAgeSeconds'), bytesMax: value.number('bytesMax') })
}

function scope(item: Members): TokenScope {
  if (!item.isObject('scope')) return item.oneOf<ControlScope>('scope', ['admin', 'read'])
  return Object.freeze({ channels: item.object('scope').list('channels') })
}

/** Reads the members of one record's value, and says which record it is where one is not as it should be. */
class Members {
  readonly #record: RegistryRecord
  readonly #value: JsonObject

  constructor(record: RegistryRecord, value: JsonValue | undefined) {
    this.#record = record
    if (!isJsonObject(value)) throw this.#unreadable('value')
    this.#value = value
  }

  has(name: string): boolean {
    return Object.hasOwn(this.#value, name) && this.#value[name] !== undefined
  }

  isObject(name: string): boolean {
    return isJsonObject(this.#value[name])
  }

  object(name: string): Members {
    return new Members(this.#record, this.#value[name])
  }

  string(name: string): string {
    const value = this.#value[name]
    if (typeof value !== 'string') throw this.#unreadable(name)
    return value
  }

  number(name: string): number {
    const value = this.#value[name]
    if (typeof value !== 'number') throw this.#unreadable(name)
    return value
  }

  boolean(name: string): boolean {
    const value = this.#value[name]
    if (typeof value !== 'boolean') throw this.#unreadable(name)
    return value
  }

  oneOf<Choice extends string>(name: string, choices: readonly Choice[]): Choice {
    const value = this.#value[name]
    const found = choices.find(choice => choice === value)
    if (found === undefined) throw this.#unreadable(name)
    return found
  }

  list<Choice extends string = string>(name: string, choices?: readonly Choice[]): readonly Choice[] {
    const value = this.#value[name]
    if (!Array.isArray(value)) throw this.#unreadable(name)
    const items: Choice[] = []
    for (const item of value as readonly JsonValue[]) {
      if (typeof item !== 'string') throw this.#unreadable(name)
      if (choices !== undefined && !choices.includes(item as Choice)) throw this.#unreadable(name)
      items.push(item as Choice)
    }
    return Object.freeze(items)
  }

  json(name: string): JsonObject {
    const value = this.#value[name]
    if (!isJsonObject(value)) throw this.#unreadable(name)
    return frozen(value) as JsonObject
  }

  #unreadable(name: string): ThingmeshError {
    const { kind, id } = this.#record
    return new ThingmeshError(
      'internal',
      `registry record ${kind} ${id} cannot be read: ${name} is not as it should be`,
    )
  }
}

function isJsonObject(value: JsonValue | undefined): value is JsonObject {
  return typeof value === 'object' && value !== null && !Array.isArray(value)
}

/** A copy of our own, which nobody else can change. */
function frozen(value: JsonValue): JsonValue {
  if (typeof value !== 'object' || value === null) return value
  if (Array.isArray(value)) return Object.freeze((value as readonly JsonValue[]).map(frozen))
  const copy: Record<string, JsonValue> = {}
  for (const [name, member] of Object.entries(value)) copy[name] = frozen(member)
  return Object.freeze(copy)
}
