import type { Outbox, OutboxEntry } from '../client/index.ts'
import { same } from './expect.ts'

/** `restart`: what was appended is there when the outbox is opened again. An outbox without it runs the other cases. */
export type OutboxCapability = 'restart'

export interface OutboxCase {
  readonly name: string
  readonly needs?: OutboxCapability
  /** `make` gives an outbox that is not open yet: an empty one at first, and then one on the same data. */
  run(make: () => Outbox): Promise<void>
}

/** What every outbox does. A test runner gives each case a place for its data and calls `run`. */
export const outboxCases: readonly OutboxCase[] = [
  {
    name: 'is empty at first',
    async run(make) {
      const outbox = make()
      same(await outbox.open(), [])
      await outbox.close()
    },
  },
  {
    name: 'says whether it outlives its process',
    async run(make) {
      const outbox = make()
      const [entry] = [entryOf(1)]
      await outbox.open()
      await outbox.write([entry], [])
      await outbox.close()
      const again = make()
      same((await again.open()).length, outbox.durable ? 1 : 0)
      await again.close()
    },
  },
  {
    name: 'closes twice',
    async run(make) {
      const outbox = make()
      await outbox.open()
      await outbox.write([entryOf(1)], [])
      await outbox.close()
      await outbox.close()
    },
  },
  {
    name: 'takes many at once, and removes what is not there',
    async run(make) {
      const outbox = make()
      await outbox.open()
      await outbox.write(
        Array.from({ length: 500 }, (_, n) => entryOf(n + 1)),
        [],
      )
      await outbox.write([], [7, 7, 501, 9_999])
      await outbox.close()
    },
  },
  {
    name: 'gives back every field as it was',
    needs: 'restart',
    async run(make) {
      const entries: OutboxEntry[] = [
        entryOf(1),
        {
          ...entryOf(2),
          payload: Uint8Array.from({ length: 256 }, (_, byte) => byte),
          delivery: 'exactly-once',
          retain: true,
          expiresAtMs: 1_700_000_000_123,
          properties: {
            replyTo: 'answers/ä',
            correlation: Uint8Array.of(0, 255),
            expiresInSeconds: 60,
            utf8: false,
            headers: [
              ['a', '1'],
              ['a', '2'],
            ],
          },
        },
        { ...entryOf(3), payload: new Uint8Array(0), contentType: '' },
      ]
      same(await reopened(make, entries), entries)
    },
  },
  {
    name: 'gives back what was not removed, oldest first',
    needs: 'restart',
    async run(make) {
      const first = make()
      await first.open()
      await first.write([1, 2, 3, 4, 5].map(entryOf), [])
      await first.write([], [2, 4])
      await first.close()
      const second = make()
      same(
        (await second.open()).map(({ sequence }) => sequence),
        [1, 3, 5],
      )
      await second.write([entryOf(6)], [1])
      await second.close()
      const third = make()
      same(
        (await third.open()).map(({ sequence }) => sequence),
        [3, 5, 6],
      )
      await third.close()
    },
  },
  {
    name: 'keeps what is left, however much goes through it',
    needs: 'restart',
    async run(make) {
      const outbox = make()
      await outbox.open()
      for (let n = 1; n <= 1_000; n++) {
        await outbox.write([{ ...entryOf(n), payload: new Uint8Array(1_000) }], n > 3 ? [n - 3] : [])
      }
      await outbox.close()
      const again = make()
      same(
        (await again.open()).map(({ sequence }) => sequence),
        [998, 999, 1_000],
      )
      await again.close()
    },
  },
]

async function reopened(make: () => Outbox, entries: readonly OutboxEntry[]): Promise<readonly OutboxEntry[]> {
  const outbox = make()
  await outbox.open()
  await outbox.write(entries, [])
  await outbox.close()
  const again = make()
  const found = await again.open()
  await again.close()
  return found
}

function entryOf(sequence: number): OutboxEntry {
  return {
    sequence,
    key: `case.${sequence}`,
    topic: `telemetry/room${sequence % 3}`,
    payload: Uint8Array.of(1, 2, sequence % 256),
    contentType: 'application/octet-stream',
    delivery: 'at-least-once',
    retain: false,
    storedAtMs: 1_700_000_000_000 + sequence,
  }
}
