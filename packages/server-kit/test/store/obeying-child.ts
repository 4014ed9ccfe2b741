import { toThingmeshError } from '@thingmesh/core'
import { sqliteStore } from '../../src/store/sqlite/index.ts'
import { testMessage } from '../../src/testing/messages.ts'

/** Appends a message of 100 kB whenever it is told a sequence, and answers `ok` or the error's code. */
const store = sqliteStore({ path: process.argv[2] ?? '', durability: 'process' })
await store.start()
process.send?.('started')
process.on('message', async sequence => {
  const message = testMessage({
    topic: 'a',
    sequence: Number(sequence),
    payload: new Uint8Array(100_000),
    retain: true,
  })
  const answer = await store.log.append([message]).then(
    () => 'ok',
    error => toThingmeshError(error).code,
  )
  process.send?.(answer)
})
process.on('disconnect', () => store.stop())
