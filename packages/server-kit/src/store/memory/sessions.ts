import type { SessionRecord, SessionRecords } from '../../contracts/index.ts'
import type { Gate } from './gate.ts'

export class MemorySessions implements SessionRecords {
  readonly #records = new Map<string, SessionRecord>()
  readonly #gate: Gate

  constructor(gate: Gate) {
    this.#gate = gate
  }

  async load(): Promise<readonly SessionRecord[]> {
    this.#gate.check()
    return structuredClone([...this.#records.values()])
  }

  async save(records: readonly SessionRecord[]): Promise<void> {
    this.#gate.check()
    for (const record of records) this.#records.set(record.id, structuredClone(record))
  }

  async advance(cursors: readonly { readonly id: string; readonly cursor: number }[]): Promise<void> {
    this.#gate.check()
    for (const { id, cursor } of cursors) {
      const record = this.#records.get(id)
      if (record !== undefined && record.cursor < cursor) this.#records.set(id, { ...record, cursor })
    }
  }

  async remove(ids: readonly string[]): Promise<void> {
    this.#gate.check()
    for (const id of ids) this.#records.delete(id)
  }
}
