import { connect } from '@thingmesh/client-node'
import { Telemetry } from './telemetry.ts'

const { HUB_URL = 'http://127.0.0.1:8080', THINGMESH_TOKEN } = process.env
const client = await connect(HUB_URL, { token: THINGMESH_TOKEN })
const readings = client.channel(Telemetry).subscribe()
readings.confirmed.then(() => console.log('watching'))
for await (const { topic, value, error } of readings) {
  if (error !== undefined) console.log(`${topic}: ${error.message}`)
  else console.log(`${topic}: ${value.temperature.toFixed(1)} °C, ${value.open ? 'open' : 'closed'}`)
}
