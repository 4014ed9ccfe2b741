import { connect } from '@thingmesh/client-node'
import { Telemetry } from './telemetry.ts'

const { HUB_URL = 'mqtt://127.0.0.1', THING = 'sensor-1', KEY = '' } = process.env
const client = await connect(HUB_URL, { thing: THING, key: KEY })
const telemetry = client.channel(Telemetry)
await telemetry.publish({ temperature: 21.5, open: false, at: new Date() }, { subtopic: 'room1' })
console.log('stored')
await client.close()
