import { loadavg } from 'node:os'
import { connect } from '@thingmesh/client-node'

const { HUB_URL = 'mqtt://127.0.0.1', THING = 'sensor-1', KEY = '' } = process.env
const client = await connect(HUB_URL, { thing: THING, key: KEY })
const telemetry = client.channel('telemetry')
for (let n = 0; n < 3; n++) await telemetry.publish({ n, load: loadavg()[0] ?? 0 }, { subtopic: THING })
console.log('done')
await client.close()
