import { setTimeout as sleep } from 'node:timers/promises'
import { connect, fileOutbox } from '@thingmesh/client-node'

/**
 * A device that is going to be killed. Publishes readings `<life>.<n>`, some at once, and says each that is safe; in the life
 * `last` it waits until the hub has everything.
 */
const [url = '', key = '', path = '', life = ''] = process.argv.slice(2)
const client = await connect(url, {
  ...(!url.startsWith('http') && { thing: 'sensor' }),
  key,
  outbox: fileOutbox({ path }),
  backoff: { firstMs: 5, maxMs: 50 },
  timeoutMs: life === 'last' ? 5_000 : 250,
})
// It never waits for room: the hub may be away until it has said that a reading is safe.
const telemetry = client.channel('telemetry', { countMax: 1_000_000 })
if (life === 'last') {
  await client.drain()
  console.log('drained')
  await client.close()
} else {
  for (let n = 0; ; n++) {
    const receipt = telemetry.publish(`${life}.${n}`)
    void receipt.stored.then(() => console.log(`${life}.${n}`))
    if (n % 8 !== 7) continue
    await receipt
    await sleep(10)
  }
}
