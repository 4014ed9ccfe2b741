import type { SessionRecord, SessionRecords, Transfer } from '../../contracts/index.ts'
import type { Gate } from './gate.ts'

interface Kept {
  record: SessionRecord
  readonly transfers: Set<number>
  readonly received: Set<number>
}

export class MemorySessions implements SessionRecords {
  readonly #kept = new Map<string, Kept>()
  readonly #gate: Gate

  constructor(gate: Gate) {
    this.#gate = gate
  }

  async load(): Promise<readonly SessionRecord[]> {
    this.#gate.check()
    return Array.from(this.#kept.values(), ({ record, transfers, received }) =>
      structuredClone({
        ...record,
        transfers: ascending(transfers),
        received: ascending(received).filter(sequence => sequence > record.cursor),
      }),
    )
  }

  async save(records: readonly SessionRecord[]): Promise<void> {
    this.#gate.check()
    for (const record of structuredClone(records)) {
      const kept = this.#kept.get(record.id)
      if (kept === undefined) this.#kept.set(record.id, { record, transfers: new Set(), received: new Set() })
      else kept.record = record
    }
  }

  async release(transfers: readonly Transfer[]): Promise<void> {
    this.#gate.check()
    for (const { session, tag } of transfers) this.#kept.get(session)?.transfers.delete(tag)
  }

  async receive(receptions: readonly { readonly id: string; readonly sequence: number }[]): Promise<void> {
    this.#gate.check()
    for (const { id, sequence } of receptions) this.#kept.get(id)?.received.add(sequence)
  }

  async advance(cursors: readonly { readonly id: string; readonly cursor: number }[]): Promise<void> {
    this.#gate.check()
    for (const { id, cursor } of cursors) {
      const kept = this.#kept.get(id)
      if (kept === undefined) continue
      if (kept.record.cursor < cursor) kept.record = { ...kept.record, cursor }
      for (const sequence of kept.received) if (sequence <= cursor) kept.received.delete(sequence)
    }
  }

  async remove(ids: readonly string[]): Promise<void> {
    this.#gate.check()
    for (const id of ids) this.#kept.delete(id)
  }

  /** For the log: transfers that a batch begins. */
  begin(transfers: readonly Transfer[]): void {
    for (const { session, tag } of transfers) this.#kept.get(session)?.transfers.add(tag)
  }
}

function ascending(numbers: ReadonlySet<number>): number[] {
  return [...numbers].sort((a, b) => a - b)
}
