import type { Outbox, OutboxEntry } from './outbox.ts'

/** Drafts wait in the client itself and are gone with it, so a publish is safe only when the hub has it. */
export function memoryOutbox(): Outbox {
  const entries = new Map<number, OutboxEntry>()
  return {
    durable: false,
    open: async () => [...entries.values()],
    async append(entry) {
      entries.set(entry.sequence, entry)
    },
    async remove(sequences) {
      for (const sequence of sequences) entries.delete(sequence)
    },
    close: async () => undefined,
  }
}
