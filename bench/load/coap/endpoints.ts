import type { JobTarget } from '../job.ts'
import { atOnce } from '../population.ts'
import { Endpoint } from './endpoint.ts'
import { prepareProof, prove } from './exchange.ts'
import type { CoapJob, EndpointSpec } from './job.ts'

const AT_ONCE = 32

/** All endpoints of one job, and the promise that fails as soon as one of them does. */
export class Endpoints {
  readonly lost: Promise<never>
  readonly #target: Pick<JobTarget, 'host' | 'port'>
  readonly #all: Endpoint[] = []
  #onLost: (reason: string) => void = () => {}

  constructor(target: Pick<JobTarget, 'host' | 'port'>) {
    this.#target = target
    this.lost = new Promise((_, reject) => {
      this.#onLost = reason => reject(new Error(reason))
    })
    // One that fails while nobody races against it must not end the process before it has reported.
    this.lost.catch(() => {})
  }

  async open(specs: readonly EndpointSpec[], { proves }: Pick<CoapJob, 'proves'>): Promise<Endpoint[]> {
    const endpoints = specs.map(() => new Endpoint(this.#target, this.#onLost))
    this.#all.push(...endpoints)
    await atOnce(endpoints, AT_ONCE, endpoint => endpoint.open())
    if (!proves) return endpoints
    await prepareProof(endpoints[0]!, specs[0]!)
    await atOnce(endpoints, AT_ONCE, (endpoint, index) => prove(endpoint, specs[index]!))
    return endpoints
  }

  close(): void {
    for (const endpoint of this.#all) endpoint.close()
  }
}
