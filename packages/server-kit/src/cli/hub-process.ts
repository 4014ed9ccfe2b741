import { writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { isThingmeshError, ThingmeshError } from '@thingmesh/core'
import { openAuthenticator } from '../auth/open-authenticator.ts'
import type { Listener, TlsIdentity } from '../contracts/index.ts'
import { magistralaTopics, mainfluxTopics, rawTopics } from '../dialects/index.ts'
import { createHub, type Hub, type HubOptions } from '../hub.ts'
import { coapListener, coapOverWebSocket, coapTcpListener } from '../listeners/coap/index.ts'
import { httpListener } from '../listeners/http/index.ts'
import { mqttListener, mqttOverWebSocket, specLimits } from '../listeners/mqtt/index.ts'
import { messageFrames, webSockets } from '../listeners/websocket/index.ts'
import { defaultHubLimits } from '../pipeline/limits.ts'
import { memoryStore } from '../store/memory/index.ts'
import { sqliteStore } from '../store/sqlite/index.ts'
import { readIdentity, reloadOnHangup } from './certificates.ts'
import type { ServeOptions } from './serve-options.ts'
import { print, type Terminal } from './terminal.ts'

/** Draining takes less than this, or is given up, so that whoever supervises the process need not kill it. */
const drainMs = 4500
/** Where everything goes that is published to an open hub. */
const openChannel = 'open'

/** Runs a hub until SIGINT or SIGTERM. Throws what keeps it from starting, and `timeout` where it does not drain. */
export async function runHub(options: ServeOptions, terminal: Terminal): Promise<void> {
  const stopping = firstSignal(terminal)
  const identity = options.tls && (await readIdentity(options.tls))
  const doors = compose(options, identity)
  const hub = await start(options, doors, terminal)
  const forget = identity && reloadOnHangup(identity, options.tls!, terminal)
  try {
    if (options.open) await openUp(hub, options, terminal)
    const unsaved = await saveToken(hub, options, terminal)
    await announce(options, doors, unsaved, terminal)
    await stopping
  } finally {
    forget?.()
    await drain(hub)
  }
}

type Address = NonNullable<Listener['address']>

interface Door {
  /** The option with its port, by which the ready line names it too. */
  readonly name: DoorName
  readonly scheme: string
  readonly listener: Listener
}

type DoorName = 'mqtt' | 'http' | 'coap' | 'coapTcp' | 'mqtts' | 'https'

function compose(options: ServeOptions, tls: TlsIdentity | undefined): readonly Door[] {
  const { host, origins, limits } = options
  const dialects = options.open ? [rawTopics({ channel: openChannel })] : [mainfluxTopics(), magistralaTopics()]
  // An open hub's free tree is MQTT's: over CoAP, which asks for a key, there is nobody to speak it.
  const paths = options.open ? [] : dialects
  const all = { ...(limits === 'spec' && specLimits.mqtt), dialects }
  // Of each its own: one serves one listener.
  const web = () => ({
    stopTimeoutMs: drainMs / 2,
    corsOrigins: origins,
    dialects: paths,
    upgrade: webSockets({
      routes: [mqttOverWebSocket(all), messageFrames({ dialects: paths }), coapOverWebSocket({ dialects: paths })],
      origins,
    }),
  })
  const doors: Door[] = []
  const open = (
    name: DoorName,
    scheme: string,
    create: (at: { readonly host: string; readonly port: number }) => Listener,
  ): void => {
    const port = options[name]
    if (port !== undefined)
      doors.push({ name, scheme, listener: withFlag(create({ host, port }), toFlag(name), host, port) })
  }
  open('mqtt', 'mqtt', at => mqttListener({ ...at, ...all }))
  open('http', 'http', at => httpListener({ ...at, ...web() }))
  open('coap', 'coap', at => coapListener({ ...at, dialects: paths }))
  open('coapTcp', 'coap+tcp', at => coapTcpListener({ ...at, dialects: paths }))
  if (tls === undefined) return doors
  open('mqtts', 'mqtts', at => mqttListener({ ...at, ...all, tls }))
  open('https', 'https', at => httpListener({ ...at, ...web(), tls }))
  return doors
}

/** `--coap-tcp` for `coapTcp`. */
function toFlag(name: DoorName): string {
  return `--${name.replace(/[A-Z]/g, letter => `-${letter.toLowerCase()}`)}`
}

/** The same listener, whose taken port is told together with the flag that changes it. */
function withFlag(listener: Listener, flag: string, host: string, port: number): Listener {
  return {
    protocol: listener.protocol,
    get address() {
      return listener.address
    },
    start: async context => {
      try {
        await listener.start(context)
      } catch (error) {
        if (!isThingmeshError(error) || error.code !== 'conflict') throw error
        throw new ThingmeshError(
          'conflict',
          `port ${port} on ${host} is taken: stop what listens there, or choose another port with ${flag} PORT`,
          { cause: error, details: { flag, port } },
        )
      }
    },
    stop: () => listener.stop(),
  }
}

async function start(options: ServeOptions, doors: readonly Door[], terminal: Terminal): Promise<Hub> {
  const { data, durability } = options
  const store = durability === 'memory' ? memoryStore() : sqliteStore({ path: join(data, 'hub.db'), durability })
  try {
    const hub = await createHub({
      store,
      listeners: doors.map(({ listener }) => listener),
      ...entry(options),
      onFault: (error, where) => terminal.stderr.write(`thingmesh: fault in ${where.part}: ${toFaultText(error)}\n`),
    })
    await hub.start()
    return hub
  } catch (error) {
    if (!isThingmeshError(error) || error.code !== 'conflict' || error.details.flag !== undefined) throw error
    throw new ThingmeshError(
      'conflict',
      `another process has the data in ${data}: stop it, or choose another directory with --data DIR`,
      { cause: error },
    )
  }
}

/** Who comes in beside those with keys and tokens, and how much anybody may. */
function entry({ open, limits }: ServeOptions): Pick<HubOptions, 'authenticate' | 'limits'> {
  return {
    authenticate: open ? [openAuthenticator({ channel: openChannel })] : [],
    limits: {
      ...(limits === 'spec' && specLimits.hub),
      // Everybody is one principal then.
      ...(open && { sessionsPerPrincipalMax: defaultHubLimits.sessionsMax }),
    },
  }
}

/** Says so on stderr, whatever the output: nobody shall run an open hub and not know. */
async function openUp(hub: Hub, { host }: ServeOptions, terminal: Terminal): Promise<void> {
  await hub.control.channels.create({ name: openChannel }).catch(error => {
    if (!isThingmeshError(error) || error.code !== 'conflict') throw error
  })
  terminal.stderr.write(
    `thingmesh: WARNING: this hub is OPEN: whoever reaches its MQTT port on ${host} may publish and subscribe, without a key\n`,
  )
}

function toFaultText(error: unknown): string {
  if (!(error instanceof Error)) return 'something that is not an error was thrown'
  const cause = error.cause instanceof Error ? ` (${error.cause.message})` : ''
  return `${isThingmeshError(error) ? `${error.code}: ` : ''}${error.message}${cause}`
}

/** The token where it was not written to a file, and so must be shown. */
async function saveToken(hub: Hub, { tokenFile }: ServeOptions, terminal: Terminal): Promise<string | undefined> {
  const token = hub.adminToken
  if (token === undefined || tokenFile === undefined) return token
  try {
    await writeFile(tokenFile, `${token}\n`, { mode: 0o600, flag: 'wx' })
    return undefined
  } catch (error) {
    // It exists this once: losing it to a wrong path would lock everybody out.
    const code = (error as NodeJS.ErrnoException).code ?? 'unknown error'
    terminal.stderr.write(`thingmesh: cannot write the admin token to ${tokenFile} (${code}), so it is shown instead\n`)
    return token
  }
}

async function announce(
  options: ServeOptions,
  doors: readonly Door[],
  adminToken: string | undefined,
  terminal: Terminal,
): Promise<void> {
  if (options.output === 'json') {
    const addresses = Object.fromEntries(doors.map(({ name, listener }) => [name, listener.address]))
    const ready = { ready: true, ...addresses, ...(adminToken === undefined ? {} : { adminToken }) }
    await print(terminal, JSON.stringify(ready))
    return
  }
  const width = Math.max(...doors.map(({ scheme }) => scheme.length))
  const lines =
    options.output === 'quiet'
      ? []
      : [
          'thingmesh hub is running, stop it with Ctrl-C',
          ...doors.map(({ scheme, listener: { address } }) => {
            return `  ${scheme.padEnd(width)}  ${toUrl(scheme, address!)}${alsoAt(scheme, address!)}`
          }),
          `  ${'data'.padEnd(width)}  ${toPlace(options)}`,
        ]
  // Even a quiet start shows the token: there is no second time.
  if (adminToken !== undefined) lines.push(`admin token, shown this once: ${adminToken}`)
  for (const line of lines) await print(terminal, line)
}

function toPlace({ data, durability }: ServeOptions): string {
  return durability === 'memory' ? 'in memory, gone with the process' : `${data} (${durability})`
}

/** MQTT and CoAP over WebSocket share the port of HTTP. */
function alsoAt(scheme: string, address: Address): string {
  if (scheme !== 'http' && scheme !== 'https') return ''
  const webSocket = scheme === 'http' ? 'ws' : 'wss'
  return `, MQTT at ${toUrl(webSocket, address)}/mqtt, CoAP at ${toUrl(`coap+${webSocket}`, address)}`
}

function toUrl(scheme: string, { host, port }: Address): string {
  return `${scheme}://${host.includes(':') ? `[${host}]` : host}:${port}`
}

/** Settles at the first signal; the next one, but for its echo, ends the process at once. */
function firstSignal(terminal: Terminal): Promise<void> {
  return new Promise(settle => {
    const forget = terminal.onSignal(() => {
      forget()
      settle()
    })
  })
}

async function drain(hub: Hub): Promise<void> {
  let timer: NodeJS.Timeout | undefined
  const late = new Promise<never>((_settle, reject) => {
    timer = setTimeout(() => reject(new ThingmeshError('timeout', `not drained within ${drainMs} ms`)), drainMs)
  })
  try {
    await Promise.race([hub.stop(), late])
  } finally {
    clearTimeout(timer)
  }
}
