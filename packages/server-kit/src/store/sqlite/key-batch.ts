import type { KeyRecord } from '../../contracts/index.ts'

/** Idempotency keys of one batch, as they cross to the worker and lie in the database: one row for all of them. */
export interface KeyBatch {
  /** The lowest and the highest sequence. Batches do not overlap. */
  readonly first: number
  readonly last: number
  /** A bit for each sequence from the first on, the lowest of a byte first: set while its key is there. */
  readonly live: Uint8Array
  /** JSON: for each publisher its domain, its id, and a list of sequences and keys in turns. */
  readonly body: string
}

type PublisherKeys = [domain: string, publisher: string, sequencesAndKeys: (number | string)[]]

/** Sequences that one of them covers, at most: they may have gaps. */
const spanMax = 4_096

export function toKeyBatches(keys: readonly KeyRecord[]): KeyBatch[] {
  const ascending = keys.toSorted((a, b) => a.sequence - b.sequence)
  const batches: KeyBatch[] = []
  let start = 0
  for (let end = 1; end <= ascending.length; end++) {
    const next = ascending[end]
    if (next !== undefined && next.sequence - ascending[start]!.sequence < spanMax) continue
    batches.push(toKeyBatch(ascending.slice(start, end)))
    start = end
  }
  return batches
}

function toKeyBatch(ascending: readonly KeyRecord[]): KeyBatch {
  const first = ascending[0]!.sequence
  const last = ascending.at(-1)!.sequence
  const live = new Uint8Array(((last - first) >> 3) + 1)
  const publishers: PublisherKeys[] = []
  let current: PublisherKeys | undefined
  for (const { domain, publisher, key, sequence } of ascending) {
    if (current?.[0] !== domain || current[1] !== publisher) {
      current = [domain, publisher, []]
      publishers.push(current)
    }
    current[2].push(sequence, key)
    live[(sequence - first) >> 3]! |= 1 << ((sequence - first) & 7)
  }
  return { first, last, live, body: JSON.stringify(publishers) }
}

export function letGo({ first, live }: Omit<KeyBatch, 'body'>, sequence: number): void {
  live[(sequence - first) >> 3]! &= ~(1 << ((sequence - first) & 7))
}

/** Those that are there still. */
export function keysOf({ first, live, body }: KeyBatch): KeyRecord[] {
  const keys: KeyRecord[] = []
  for (const [domain, publisher, sequencesAndKeys] of JSON.parse(body) as PublisherKeys[]) {
    for (let i = 0; i < sequencesAndKeys.length; i += 2) {
      const sequence = sequencesAndKeys[i] as number
      const isLive = (live[(sequence - first) >> 3]! & (1 << ((sequence - first) & 7))) !== 0
      if (isLive) keys.push({ domain, publisher, key: sequencesAndKeys[i + 1] as string, sequence })
    }
  }
  return keys
}
