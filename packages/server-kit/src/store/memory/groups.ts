import type { GroupRecord, GroupRecords, LoanRecord } from '../../contracts/index.ts'
import type { Gate } from './gate.ts'

interface Kept {
  record: GroupRecord
  /** By sequence. */
  readonly loans: Map<number, LoanRecord>
}

export class MemoryGroups implements GroupRecords {
  readonly #kept = new Map<string, Kept>()
  readonly #gate: Gate

  constructor(gate: Gate) {
    this.#gate = gate
  }

  async load(): Promise<readonly GroupRecord[]> {
    this.#gate.check()
    return Array.from(this.#kept.values(), ({ record, loans }) =>
      structuredClone({ ...record, loans: [...loans.values()].sort((a, b) => a.sequence - b.sequence) }),
    )
  }

  async save(records: readonly GroupRecord[]): Promise<void> {
    this.#gate.check()
    for (const record of structuredClone(records)) {
      const kept = this.#kept.get(record.id)
      if (kept === undefined) this.#kept.set(record.id, { record, loans: new Map() })
      else kept.record = record
    }
  }

  async lend(loans: readonly (LoanRecord & { readonly group: string })[]): Promise<void> {
    this.#gate.check()
    for (const { group, ...loan } of loans) this.#kept.get(group)?.loans.set(loan.sequence, loan)
  }

  async advance(moves: readonly Pick<GroupRecord, 'id' | 'position' | 'owed'>[]): Promise<void> {
    this.#gate.check()
    for (const { id, position, owed } of moves) {
      const kept = this.#kept.get(id)
      if (kept === undefined || kept.record.position > position) continue
      kept.record = { ...kept.record, position, owed: [...owed] }
      const stays = new Set(owed)
      for (const sequence of kept.loans.keys()) {
        if (sequence <= position && !stays.has(sequence)) kept.loans.delete(sequence)
      }
    }
  }

  async remove(ids: readonly string[]): Promise<void> {
    this.#gate.check()
    for (const id of ids) this.#kept.delete(id)
  }
}
