import type { DomainId } from '@thingmesh/core'
import type { RegistryWrite, RightsChange } from '../contracts/index.ts'
import { toRecord } from './records.ts'
import type { Row, RowKind } from './rows.ts'

/** One deletion, as memory needs it. */
interface Deletion {
  readonly kind: RowKind
  readonly id: string
  readonly domain: DomainId
}

/** What one call does to the registry: one write of the store, all or none, and what it means for rights. */
export class Change {
  readonly puts: Row[] = []
  readonly deletions: Deletion[] = []
  readonly #rights = new Map<string, RightsChange>()

  put(row: Row): void {
    this.puts.push(Object.freeze(row))
  }

  delete(row: Exclude<Row, { readonly kind: 'secret' | 'domain' }>): void {
    this.deletions.push({ kind: row.kind, id: row.id, domain: row.item.domain })
  }

  /** Announced once, however often it is said. */
  announce(change: RightsChange): void {
    this.#rights.set(JSON.stringify(change), change)
  }

  get rights(): Iterable<RightsChange> {
    return this.#rights.values()
  }

  get isEmpty(): boolean {
    return this.puts.length === 0 && this.deletions.length === 0
  }

  writes(): RegistryWrite[] {
    const puts = this.puts.map((row): RegistryWrite => ({ op: 'put', record: toRecord(row) }))
    const deletions = this.deletions.map(({ kind, id }): RegistryWrite => ({ op: 'delete', kind, id }))
    return [...deletions, ...puts]
  }
}
