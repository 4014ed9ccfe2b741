import type { ErrorCode } from '@thingmesh/core'
import type {
  KeyRecord,
  LoanRecord,
  LogEpoch,
  MessageQuery,
  PrunePlan,
  PruneReport,
  Transfer,
} from '../../contracts/index.ts'
import type { KeyBatch } from './key-batch.ts'

/** What the worker is started with. */
export interface OpenOptions {
  /** Absolute. */
  readonly path: string
  readonly durability: 'process' | 'disk'
}

/** What the worker is asked. Buffers are segments and are transferred, not copied; records are JSON. */
export type Operation =
  | {
      readonly op: 'append'
      readonly first: number
      readonly last: number
      readonly log: Uint8Array | undefined
      readonly retained: Uint8Array | undefined
      readonly transfers: readonly Transfer[] | undefined
      readonly keys: readonly KeyBatch[] | undefined
      readonly forgottenKeys: readonly number[] | undefined
    }
  | { readonly op: 'reserve'; readonly below: number }
  | { readonly op: 'read'; readonly query: MessageQuery }
  | { readonly op: 'prune'; readonly plans: readonly PrunePlan[] }
  | { readonly op: 'topics' }
  | {
      readonly op: 'match'
      readonly domain: string
      readonly filters: readonly string[]
      readonly limit: number
      readonly afterTopic: string | undefined
    }
  | { readonly op: 'loadSessions' }
  | { readonly op: 'saveSessions'; readonly records: readonly SessionRow[] }
  | { readonly op: 'advance'; readonly cursors: readonly { readonly id: string; readonly cursor: number }[] }
  | { readonly op: 'release'; readonly transfers: readonly Transfer[] }
  | { readonly op: 'receive'; readonly receptions: readonly { readonly id: string; readonly sequence: number }[] }
  | { readonly op: 'removeSessions'; readonly ids: readonly string[] }
  | { readonly op: 'loadGroups' }
  | { readonly op: 'saveGroups'; readonly records: readonly GroupRow[] }
  | { readonly op: 'lend'; readonly loans: readonly (LoanRecord & { readonly group: string })[] }
  | { readonly op: 'advanceGroups'; readonly moves: readonly Omit<GroupRow, 'body'>[] }
  | { readonly op: 'removeGroups'; readonly ids: readonly string[] }
  | { readonly op: 'loadKeys' }
  | { readonly op: 'loadRegistry' }
  | { readonly op: 'writeRegistry'; readonly changes: readonly RegistryRow[] }
  | { readonly op: 'compact' }
  | { readonly op: 'stop' }

export type OperationOf<Name extends Operation['op']> = Extract<Operation, { readonly op: Name }>

/** What settles each of them; those that are not listed settle with nothing. */
export interface Results {
  read: { readonly segment: Uint8Array; readonly scannedTo: number; readonly complete: boolean }
  prune: readonly PruneReport[]
  topics: readonly { readonly domain: string; readonly topic: string; readonly sequence: number }[]
  match: Uint8Array
  loadSessions: readonly LoadedSessionRow[]
  loadGroups: readonly LoadedGroupRow[]
  loadKeys: readonly KeyRecord[]
  loadRegistry: readonly { readonly kind: string; readonly id: string; readonly value: string }[]
}

export type ResultOf<Name extends Operation['op']> = Name extends keyof Results ? Results[Name] : undefined

export interface SessionRow {
  readonly id: string
  readonly cursor: number
  /** JSON of the record; its cursor is out of date. */
  readonly body: string
}

export interface LoadedSessionRow extends SessionRow {
  readonly transfers: readonly number[]
  readonly received: readonly number[]
}

export interface GroupRow {
  readonly id: string
  readonly position: number
  /** JSON of the sequences. */
  readonly owed: string
  /** JSON of the record; its position and what it owes are out of date. */
  readonly body: string
}

export interface LoadedGroupRow extends GroupRow {
  readonly loans: readonly LoanRecord[]
}

/** A value of null deletes. */
export interface RegistryRow {
  readonly kind: string
  readonly id: string
  /** JSON. */
  readonly value: string | null
}

export type Request = Operation & { readonly id: number }

/** Errors lose their class on the way. */
export interface PlainError {
  readonly code: ErrorCode
  readonly message: string
}

export type Reply =
  | {
      readonly type: 'opened'
      readonly origin: string
      readonly lineage: readonly LogEpoch[]
      readonly nextSequence: number
    }
  | { readonly type: 'refused'; readonly error: PlainError }
  /** One commit settles many. */
  | { readonly type: 'done'; readonly ids: readonly number[] }
  | { readonly type: 'result'; readonly id: number; readonly value: unknown }
  | { readonly type: 'failed'; readonly id: number; readonly error: PlainError }
