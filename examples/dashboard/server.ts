import { createHub } from '@thingmesh/server-kit'
import { httpListener } from '@thingmesh/server-kit/http'
import { sqliteStore } from '@thingmesh/server-kit/sqlite'
import { dashboardLink } from './link.ts'
import { dashboardPages } from './pages.ts'

const http = httpListener({ port: Number(process.env.HTTP_PORT ?? 8080), pages: await dashboardPages() })
const hub = await createHub({ store: sqliteStore({ path: 'hub.db' }), listeners: [http] })
await hub.start()
console.log(await dashboardLink(hub, `http://127.0.0.1:${http.address!.port}`))
process.once('SIGTERM', () => hub.stop())
