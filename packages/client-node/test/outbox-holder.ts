import { fileOutbox } from '@thingmesh/client-node'

/** Has an outbox, says so, and keeps it until it is killed. */
await fileOutbox({ path: process.argv[2] ?? '' }).open()
console.log('open')
setInterval(() => undefined, 60_000)
