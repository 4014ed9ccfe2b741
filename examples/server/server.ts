import { createHub } from '@thingmesh/server-kit'
import { httpListener } from '@thingmesh/server-kit/http'
import { mqttListener } from '@thingmesh/server-kit/mqtt'
import { sqliteStore } from '@thingmesh/server-kit/sqlite'

const mqtt = mqttListener({ port: Number(process.env.MQTT_PORT ?? 1883) })
const http = httpListener({ port: Number(process.env.HTTP_PORT ?? 8080) })
const hub = await createHub({ store: sqliteStore({ path: 'hub.db' }), listeners: [mqtt, http] })
await hub.start()
console.log(JSON.stringify({ mqtt: mqtt.address, http: http.address, adminToken: hub.adminToken }))
process.once('SIGTERM', () => hub.stop())
