import { connect, fileOutbox } from '@thingmesh/client-node'

/**
 * A device that is going to be killed. Publishes readings `<life>.<n>` and says each that is safe; in the life `last` it waits
 * until the hub has everything.
 */
const [url = '', key = '', path = '', life = ''] = process.argv.slice(2)
const client = await connect(url, {
  ...(url.startsWith('mqtt') && { thing: 'sensor' }),
  key,
  outbox: fileOutbox({ path }),
  backoff: { firstMs: 5, maxMs: 50 },
  timeoutMs: 2_000,
})
const telemetry = client.channel('telemetry')
if (life === 'last') {
  await client.drain()
  console.log('drained')
  await client.close()
} else {
  for (let n = 0; ; n++) {
    await telemetry.publish(`${life}.${n}`)
    console.log(`${life}.${n}`)
  }
}
