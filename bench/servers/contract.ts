import type { Processes } from '../brokers/processes.ts'
import type { CoapShape } from '../coap-shapes.ts'
import type { EndpointSpec } from '../load/coap/job.ts'
import type { ClientSpec } from '../load/job.ts'

export interface ServerStartOptions {
  readonly processes: Processes
  /** An empty directory, removed after the run. */
  readonly dataDir: string
  readonly profile: string
  /** How many endpoints of CoAP will come, and how many publishers of MQTT. */
  readonly endpoints: number
  readonly publishers: number
  readonly core: number
  readonly profileDir: string | undefined
}

/** One live server of CoAP over UDP. */
export interface RunningServer {
  readonly pid: number
  readonly host: string
  readonly port: number
  /** What endpoint `i` says in each request: where, and who it is. */
  endpoint(i: number): EndpointSpec
  /** What it says to something that all have in common. */
  shared(i: number): EndpointSpec
  /** Of a hub, the other door, and who publishes there what `endpoint(i)` observes. */
  readonly mqtt: { readonly host: string; readonly port: number } | undefined
  publisher(i: number): ClientSpec
  /** It wants a proof of an address before it sends much there. */
  readonly asksForProof: boolean
  death(): string | undefined
  stop(): Promise<void>
}

export interface CoapServer {
  readonly name: string
  /** What can be configured between throughput and safety; one table row each. None: it is not asked for that. */
  profiles(shape: CoapShape): readonly string[]
  /** Whether a positive answer to a POST waits for the disk. */
  isSynced(profile: string): boolean
  /** `missing` says why this server cannot run here. */
  version(): Promise<{ readonly version: string } | { readonly missing: string }>
  start(options: ServerStartOptions): Promise<RunningServer>
}

/** For servers that know neither channels nor keys, nor MQTT. */
export function plainServer(path: (i: number) => readonly string[]) {
  const endpoint = (i: number): EndpointSpec => ({ path: path(i), query: [] })
  return {
    endpoint,
    shared: () => endpoint(0),
    mqtt: undefined,
    asksForProof: false,
    publisher: (): never => {
      throw new TypeError('this server has no door for MQTT')
    },
  }
}
