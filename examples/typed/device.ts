import { connectHttp, typedChannel } from '@thingmesh/core'
import { Telemetry } from './telemetry.ts'

const client = connectHttp(process.env.HUB_URL ?? 'http://127.0.0.1:8080', { key: process.env.THING_KEY })
const telemetry = typedChannel(client, Telemetry)
const { id } = await telemetry.publish({ temperature: 21.5, open: false, at: new Date() }, { subtopic: 'room1' })
console.log(`stored as ${id}`)
