import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import type { Exit, Running, Site } from './site.ts'

/** As `npm run build` left it: what stock clients meet here is what users install. */
const program = pathOf('../../dist/thingmesh.js')
/** A deadline, for machines that have much else to do. */
const startTimeoutMs = 60_000

export interface HubOptions {
  /** A directory; one of the site's by default. */
  readonly data?: string
  readonly durability?: 'process' | 'disk'
  /** Of the hub that this data comes from. */
  readonly adminToken?: string
  readonly mqttPort?: number
  readonly httpPort?: number
  /** False: each start takes any free ports. Where there are many starts, one port will be somebody else's sooner or later. */
  readonly keepsPorts?: boolean
  /** Further flags of `thingmesh serve`. */
  readonly flags?: readonly string[]
}

type Door = 'mqtt' | 'http' | 'coap' | 'coapTcp' | 'mqtts' | 'https'

interface Ready extends Readonly<Record<Door, { readonly host: string; readonly port: number }>> {
  readonly adminToken?: string
}

/** `thingmesh serve` as a process of its own, that is killed and started again on the same data and ports. */
export class HubProcess {
  readonly data: string
  readonly host = '127.0.0.1'
  readonly #site: Site
  readonly #durability: string
  readonly #keepsPorts: boolean
  readonly #flags: readonly string[]
  #ready: Ready | undefined
  #process: Running | undefined
  #mqttPort: number
  #httpPort: number
  #coapPort = 0
  #adminToken: string | undefined

  constructor(site: Site, options: HubOptions = {}) {
    this.#site = site
    this.data = options.data ?? join(site.directory, 'data')
    this.#durability = options.durability ?? 'disk'
    this.#adminToken = options.adminToken
    this.#keepsPorts = options.keepsPorts ?? true
    this.#flags = options.flags ?? []
    this.#mqttPort = options.mqttPort ?? 0
    this.#httpPort = options.httpPort ?? 0
  }

  get process(): Running {
    if (this.#process === undefined) throw new Error('the hub was never started')
    return this.#process
  }

  get mqttPort(): number {
    return this.#mqttPort
  }

  get httpPort(): number {
    return this.#httpPort
  }

  get coapPort(): number {
    return this.#coapPort
  }

  /** Of a door that the last start opened. */
  portOf(door: Door): number {
    if (this.#ready === undefined) throw new Error('the hub was never ready')
    return this.#ready[door].port
  }

  get url(): string {
    return `http://${this.host}:${this.#httpPort}`
  }

  get adminToken(): string {
    if (this.#adminToken === undefined) throw new Error('the hub has shown no admin token')
    return this.#adminToken
  }

  /** Settles when both doors are open. The second start takes the ports of the first, unless told otherwise. */
  async start(): Promise<void> {
    const running = this.launch()
    await running.says(({ lines }) => lines.length > 0, 'ready', startTimeoutMs)
    this.#ready = JSON.parse(running.lines[0]!) as Ready
    const { mqtt, http, coap, adminToken } = this.#ready
    this.#mqttPort = mqtt.port
    this.#httpPort = http.port
    this.#coapPort = coap.port
    this.#adminToken = adminToken ?? this.#adminToken
  }

  /** The process, without waiting for anything: for starts that are to fail. */
  launch(): Running {
    const keeps = this.#process === undefined || this.#keepsPorts
    const [mqtt, http, coap] = (keeps ? [this.#mqttPort, this.#httpPort, this.#coapPort] : [0, 0, 0]).map(String)
    const ports = ['--mqtt', mqtt!, '--http', http!, '--coap', coap!, '--coap-tcp', '0']
    const where = ['--data', this.data, '--host', this.host, ...ports, '--durability', this.#durability]
    const args = ['serve', ...where, ...this.#flags, '--json']
    this.#process = this.#site.spawn(process.execPath, [program, ...args])
    return this.#process
  }

  kill(): Promise<Exit> {
    return this.process.kill('SIGKILL')
  }

  stop(timeoutMs?: number): Promise<Exit> {
    return this.process.kill('SIGTERM', timeoutMs)
  }
}

export async function startHub(site: Site, options?: HubOptions): Promise<HubProcess> {
  const hub = new HubProcess(site, options)
  await hub.start()
  return hub
}

function pathOf(file: string): string {
  return fileURLToPath(new URL(file, import.meta.url))
}
