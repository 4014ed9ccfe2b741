import { sqliteStore } from '../../src/store/sqlite/index.ts'
import { testMessage } from '../../src/testing/messages.ts'

/** Appends batches for ever, several at a time, and says of each when it has settled. It is there to be killed. */
const [path = '', batchSize = '10'] = process.argv.slice(2)
const size = Number(batchSize)
const inFlight = 4

const store = sqliteStore({ path })
await store.start()
let next = store.log.nextSequence

async function appendForEver(): Promise<void> {
  for (;;) {
    const first = next
    next += size
    const batch = Array.from({ length: size }, (_, i) =>
      testMessage({ topic: `a/${(first + i) % 3}`, sequence: first + i, retain: i === 0 }),
    )
    await store.log.append(batch)
    process.stdout.write(`${first + size - 1}\n`)
  }
}

await Promise.all(Array.from({ length: inFlight }, appendForEver))
