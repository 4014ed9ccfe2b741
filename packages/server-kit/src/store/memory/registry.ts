import type { RegistryRecord, RegistryRecords, RegistryWrite } from '../../contracts/index.ts'
import type { Gate } from './gate.ts'

export class MemoryRegistry implements RegistryRecords {
  readonly #records = new Map<string, Map<string, RegistryRecord>>()
  readonly #gate: Gate

  constructor(gate: Gate) {
    this.#gate = gate
  }

  async load(): Promise<readonly RegistryRecord[]> {
    this.#gate.check()
    return structuredClone([...this.#records.values()].flatMap(ofKind => [...ofKind.values()]))
  }

  async write(changes: readonly RegistryWrite[]): Promise<void> {
    this.#gate.check()
    // Everything that can fail does so before anything is changed.
    for (const change of structuredClone(changes)) {
      const { kind, id } = change.op === 'put' ? change.record : change
      let ofKind = this.#records.get(kind)
      if (ofKind === undefined) {
        ofKind = new Map()
        this.#records.set(kind, ofKind)
      }
      if (change.op === 'put') ofKind.set(id, change.record)
      else ofKind.delete(id)
    }
  }
}
