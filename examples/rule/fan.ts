import { createHash } from 'node:crypto'
import { isThingmeshError, type Message, messageId, type Principal } from '@thingmesh/core'
import { createHub } from '@thingmesh/server-kit'
import type { Credential } from '@thingmesh/server-kit/contracts'
import { httpListener } from '@thingmesh/server-kit/http'
import { memoryListener } from '@thingmesh/server-kit/memory'
import { sqliteStore } from '@thingmesh/server-kit/sqlite'

const self: Credential = { kind: 'token', token: 'the fan rule' }
const grants = [
  { actions: ['subscribe'], filter: 'telemetry/#' },
  { actions: ['publish'], filter: 'commands/#' },
] as const
const rule: Principal = { id: 'user:fan-rule', kind: 'user', domain: 'default', grants }
const memory = memoryListener()
const http = httpListener({ port: Number(process.env.HTTP_PORT ?? 8080) })
const authenticate = [async (credential: Credential) => (credential === self ? rule : undefined)]
const hub = await createHub({ store: sqliteStore({ path: 'hub.db' }), listeners: [memory, http], authenticate })
await hub.start()
for (const name of ['telemetry', 'commands']) {
  await hub.control.channels.create({ name }).catch(error => {
    if (!isThingmeshError(error) || error.code !== 'conflict') throw error // made at an earlier start
  })
}

// The session outlives the program: what comes while it is away it is given when it is back.
const app = await memory.connect({ credential: self, clientId: 'fan-rule', expiresInSeconds: 7 * 86_400 })
await app.subscribe('telemetry/+/climate')
process.once('SIGTERM', () => app.close()) // ends the loop
console.log(JSON.stringify({ http: http.address, adminToken: hub.adminToken }))

for await (const message of app) {
  try {
    await react(message)
  } catch (error) {
    // What may go well another time is not given up: unacknowledged, it comes first at the next start.
    if (isThingmeshError(error) && error.retryable) throw error
    // Anything else would fail at the next start again, and every message behind it with it.
    console.error(`${message.topic}: ${error}`)
  }
}
await hub.stop()

async function react({ log, sequence, payload, topic }: Message): Promise<void> {
  const { temperature } = JSON.parse(Buffer.from(payload).toString())
  if (typeof temperature !== 'number') throw new TypeError('there is no temperature')
  if (temperature <= 30) return
  // A message may come again, after a kill above all; under one key a command is stored once. An id is too long for a key.
  const key = createHash('sha256').update(messageId(log, sequence)).digest('base64url')
  const [, room] = topic.split('/')
  const { id } = await app.publish(`commands/${room}/fan`, 'on', { contentType: 'text/plain', key })
  console.log(`${topic}: ${id}`)
}
