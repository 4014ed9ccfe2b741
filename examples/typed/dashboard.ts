import { connectHttp, typedChannel } from '@thingmesh/core'
import { Telemetry } from './telemetry.ts'

const client = connectHttp(process.env.HUB_URL ?? 'http://127.0.0.1:8080', { token: process.env.THINGMESH_TOKEN })
for await (const { topic, value, error } of typedChannel(client, Telemetry).follow({ after: '' })) {
  if (error !== undefined) console.log(`${topic}: ${error.message}`)
  else console.log(`${topic}: ${value.temperature.toFixed(1)} °C, ${value.open ? 'open' : 'closed'}`)
}
