import { existsSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { BENCH_TOPICS, type Broker, type Credentials } from './contract.ts'
import { firstLine } from './processes.ts'

const READY_TIMEOUT_MS = 20_000
const REQUESTS_AT_ONCE = 16

/** How a profile's name in the table maps onto the hub's options. */
const PROFILES: Readonly<Record<string, { durability: string; record: string }>> = {
  'not recorded': { durability: 'disk', record: 'acked' },
  'recorded, disk': { durability: 'disk', record: 'all' },
  memory: { durability: 'memory', record: 'acked' },
  process: { durability: 'process', record: 'acked' },
  disk: { durability: 'disk', record: 'acked' },
}

/**
 * Our hub as its command line starts it, with authentication and grants on: every connection is a thing of its own with
 * a key. `dist` runs the built package instead of the source.
 */
export function thingmesh(options: { dist: boolean }): Broker {
  const root = fileURLToPath(new URL('../../packages/server-kit/', import.meta.url))
  const entry = join(root, options.dist ? 'dist/thingmesh.js' : 'src/cli/main.ts')
  return {
    name: 'thingmesh',
    profiles: qos => (qos === 0 ? ['not recorded', 'recorded, disk'] : ['memory', 'process', 'disk']),
    version: async () => {
      if (!existsSync(entry)) return { missing: `${entry} does not exist` }
      const { version } = JSON.parse(readFileSync(join(root, 'package.json'), 'utf8')) as { version: string }
      return { version: `${version}, ${options.dist ? 'built' : 'from source'}` }
    },
    start: async ({ processes, dataDir, profile, connections, core }) => {
      const { durability, record } = PROFILES[profile] ?? raiseUnknown(profile)
      const serve = ['serve', '--data', join(dataDir, 'hub'), '--host', '127.0.0.1', '--mqtt', '0', '--http', '0']
      const node = options.dist ? [process.execPath] : [process.execPath, '--conditions=@thingmesh/source']
      const running = processes.start(core, [...node, entry, ...serve, '--durability', durability, '--json'])
      const ready = parseReady(await firstLine(running, READY_TIMEOUT_MS))
      const admin = adminOf(ready)
      await admin('channels', { name: 'bench', record })
      const keys = await provision(admin, connections)
      return {
        ...BENCH_TOPICS,
        pid: running.pid,
        host: ready.mqtt.host,
        port: ready.mqtt.port,
        credentials: i => keys[i] ?? {},
        death: running.death,
        stop: running.stop,
      }
    },
  }
}

interface Ready {
  readonly mqtt: { readonly host: string; readonly port: number }
  readonly http: { readonly host: string; readonly port: number }
  readonly adminToken: string
}

type Admin = (path: string, body: object) => Promise<unknown>

function parseReady(line: string): Ready {
  const value = JSON.parse(line) as Partial<Ready> & { ready?: boolean }
  if (value.ready !== true || !value.mqtt || !value.http || !value.adminToken) {
    throw new Error('the first line of the hub is not the ready object')
  }
  return { mqtt: value.mqtt, http: value.http, adminToken: value.adminToken }
}

function adminOf(ready: Ready): Admin {
  const base = `http://${ready.http.host}:${ready.http.port}/api/v1`
  const headers = { authorization: `Bearer ${ready.adminToken}`, 'content-type': 'application/json' }
  return async (path, body) => {
    const response = await fetch(`${base}/${path}`, { method: 'POST', headers, body: JSON.stringify(body) })
    if (!response.ok) throw new Error(`POST /api/v1/${path} answered ${response.status}`)
    const text = await response.text()
    return text === '' ? undefined : JSON.parse(text)
  }
}

/** One thing per connection: a hub lets a thing have few connections at a time. */
async function provision(admin: Admin, count: number): Promise<Credentials[]> {
  const keys: Credentials[] = []
  let taken = 0
  const next = async (): Promise<void> => {
    while (taken < count) {
      const i = taken++
      const username = `bench-${i}`
      const thing = (await admin('things', { name: username })) as { id: string; key: { secret: string } }
      await admin('grants', { thing: thing.id, channel: 'bench', actions: ['publish', 'subscribe'] })
      keys[i] = { username, password: thing.key.secret }
    }
  }
  await Promise.all(Array.from({ length: REQUESTS_AT_ONCE }, next))
  return keys
}

function raiseUnknown(profile: string): never {
  throw new TypeError(`thingmesh has no profile ${profile}`)
}
