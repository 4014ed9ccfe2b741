import type { KeyRecord, KeyRecords } from '../../contracts/index.ts'
import type { Gate } from './gate.ts'

export class MemoryKeys implements KeyRecords {
  /** By sequence. */
  readonly #kept = new Map<number, KeyRecord>()
  readonly #gate: Gate

  constructor(gate: Gate) {
    this.#gate = gate
  }

  async load(): Promise<readonly KeyRecord[]> {
    this.#gate.check()
    return structuredClone([...this.#kept.values()].sort((a, b) => a.sequence - b.sequence))
  }

  /** For the log: keys of a batch, and those that go with it. */
  note(keys: readonly KeyRecord[]): void {
    for (const key of keys) this.#kept.set(key.sequence, { ...key })
  }

  forget(sequences: readonly number[]): void {
    for (const sequence of sequences) this.#kept.delete(sequence)
  }
}
