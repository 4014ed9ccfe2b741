import type { RegistryRecord, RegistryRecords, RegistryWrite } from '../../src/contracts/index.ts'

/** Records as a store keeps them: as text, so that nothing is shared with who wrote them. */
export class MemoryRecords implements RegistryRecords {
  readonly rows = new Map<string, string>()
  writes = 0
  #failure: unknown
  #gate: Promise<void> | undefined

  async load(): Promise<readonly RegistryRecord[]> {
    return [...this.rows.values()].map(text => JSON.parse(text) as RegistryRecord)
  }

  async write(changes: readonly RegistryWrite[]): Promise<void> {
    this.writes++
    await this.#gate
    if (this.#failure !== undefined) {
      const failure = this.#failure
      this.#failure = undefined
      throw failure
    }
    for (const change of changes) {
      if (change.op === 'put') {
        this.rows.set(`${change.record.kind} ${change.record.id}`, JSON.stringify(change.record))
      } else this.rows.delete(`${change.kind} ${change.id}`)
    }
  }

  failNext(error: unknown): void {
    this.#failure = error
  }

  /** Writes wait until the returned function is called. */
  hold(): () => void {
    const { promise, resolve } = Promise.withResolvers<void>()
    this.#gate = promise
    return () => {
      this.#gate = undefined
      resolve()
    }
  }

  /** Everything that is stored, to look for what must not be. */
  get text(): string {
    return [...this.rows.values()].join('\n')
  }
}
