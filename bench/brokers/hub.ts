import { existsSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import type { Credentials } from './contract.ts'
import { firstLine, type Processes, type Running } from './processes.ts'

const READY_TIMEOUT_MS = 20_000
const REQUESTS_AT_ONCE = 16
// Writing a CPU profile takes longer than a hub has to stop.
const PROFILED_STOP_MS = 60_000

/** As docs/EMBEDDING.md advises, and `npm run hub` does. */
export const frugal = '--max-semi-space-size=16'

/** How a profile's name in the table maps onto the hub's options. */
export const PROFILES: Readonly<Record<string, { durability: string; record: string }>> = {
  'record acked': { durability: 'disk', record: 'acked' },
  'record all': { durability: 'disk', record: 'all' },
  memory: { durability: 'memory', record: 'acked' },
  process: { durability: 'process', record: 'acked' },
  disk: { durability: 'disk', record: 'acked' },
}

export interface HubOptions {
  readonly processes: Processes
  /** An empty directory. */
  readonly dataDir: string
  readonly profile: string
  readonly core: number
  /** Where to write CPU profiles as it ends. */
  readonly profileDir: string | undefined
  /** The built package instead of the source. */
  readonly dist: boolean
  /** Things that are made, each with a key and a grant on the channel. */
  readonly things: number
  readonly actions: readonly string[]
  /** Its memory is what is measured: it has done nothing but start, and collects its garbage when told to. */
  readonly isWeighed: boolean
}

interface Door {
  readonly host: string
  readonly port: number
}

interface Ready {
  readonly mqtt: Door
  readonly http: Door
  readonly coap: Door
  /** At the first start on new data only. */
  readonly adminToken?: string
}

export interface StartedHub {
  readonly ready: Ready
  readonly keys: readonly Required<Credentials>[]
  readonly running: Running
}

const root = fileURLToPath(new URL('../../packages/server-kit/', import.meta.url))

function entryOf(dist: boolean): string {
  return join(root, dist ? 'dist/thingmesh.js' : 'src/cli/main.ts')
}

export function hubVersion(dist: boolean): { readonly version: string } | { readonly missing: string } {
  const entry = entryOf(dist)
  if (!existsSync(entry)) return { missing: `${entry} does not exist` }
  const { version } = JSON.parse(readFileSync(join(root, 'package.json'), 'utf8')) as { version: string }
  return { version: `${version}, ${dist ? 'built' : 'from source'}` }
}

/**
 * Our hub as its command line starts it, with authentication and grants on, and a channel `bench`: every connection is a
 * thing of its own with a key.
 */
export async function startHub(options: HubOptions): Promise<StartedHub> {
  const { processes, dataDir, profile, core, profileDir, dist, isWeighed } = options
  const { durability, record } = PROFILES[profile] ?? raiseUnknown(profile)
  const flags = [frugal, ...(dist ? [] : process.execArgv)]
  if (isWeighed) flags.push(preload('./collect-garbage.ts'))
  if (profileDir) flags.push('--cpu-prof', `--cpu-prof-dir=${profileDir}`, preload('./profile-workers.ts'))
  const ports = ['--mqtt', '0', '--http', '0', '--coap', '0']
  const serve = ['serve', '--data', join(dataDir, 'hub'), '--host', '127.0.0.1', ...ports]
  const command = [process.execPath, ...flags, entryOf(dist), ...serve, '--durability', durability, '--json']
  const stopMs = profileDir ? PROFILED_STOP_MS : undefined
  let running = processes.start(core, command, {}, stopMs)
  let ready = parseReady(await firstLine(running, READY_TIMEOUT_MS))
  const admin = adminOf(ready)
  await admin('channels', { name: 'bench', record })
  const keys = await provision(admin, options.things, options.actions)
  if (isWeighed) {
    await running.stop()
    running = processes.start(core, command, {}, stopMs)
    ready = parseReady(await firstLine(running, READY_TIMEOUT_MS))
  }
  return { ready, keys, running }
}

function preload(file: string): string {
  return `--import=${new URL(file, import.meta.url).href}`
}

type Admin = (path: string, body: object) => Promise<unknown>

function parseReady(line: string): Ready {
  const value = JSON.parse(line) as Partial<Ready> & { ready?: boolean }
  const { mqtt, http, coap, adminToken } = value
  if (value.ready !== true || !mqtt || !http || !coap) {
    throw new Error('the first line of the hub is not the ready object')
  }
  return { mqtt, http, coap, ...(adminToken === undefined ? {} : { adminToken }) }
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
async function provision(admin: Admin, count: number, actions: readonly string[]): Promise<Required<Credentials>[]> {
  const keys: Required<Credentials>[] = []
  let taken = 0
  const next = async (): Promise<void> => {
    while (taken < count) {
      const i = taken++
      const username = `bench-${i}`
      const thing = (await admin('things', { name: username })) as { id: string; key: { secret: string } }
      await admin('grants', { thing: thing.id, channel: 'bench', actions })
      keys[i] = { username, password: thing.key.secret }
    }
  }
  await Promise.all(Array.from({ length: REQUESTS_AT_ONCE }, next))
  return keys
}

function raiseUnknown(profile: string): never {
  throw new TypeError(`thingmesh has no profile ${profile}`)
}
