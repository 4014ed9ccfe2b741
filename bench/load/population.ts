import { Connection } from './connection.ts'
import type { ClientSpec, JobTarget } from './job.ts'

const READ_BUFFER_BYTES = 262_144
// Hundreds of connects at once measure the accept queue, not the broker.
const CONNECTS_AT_ONCE = 20

/** All connections of one job, and the promise that fails as soon as one of them is lost. */
export class Population {
  readonly lost: Promise<never>
  readonly #target: Pick<JobTarget, 'host' | 'port'>
  readonly #readBuffer = Buffer.alloc(READ_BUFFER_BYTES)
  readonly #connections = new Set<Connection>()
  #onLost: (reason: string) => void = () => {}

  constructor(target: Pick<JobTarget, 'host' | 'port'>) {
    this.#target = target
    this.lost = new Promise((_, reject) => {
      this.#onLost = reason => reject(new Error(reason))
    })
    // A connection lost while nobody races against it must not end the process before it has reported.
    this.lost.catch(() => {})
  }

  /** Not yet connected, so that a handler can be there before the first frame is. */
  prepare(spec: ClientSpec): Connection {
    const { host, port } = this.#target
    const connection = new Connection({ host, port, spec, readBuffer: this.#readBuffer, onLost: this.#onLost })
    this.#connections.add(connection)
    return connection
  }

  async open(specs: readonly ClientSpec[]): Promise<Connection[]> {
    const connections = specs.map(spec => this.prepare(spec))
    await atOnce(connections, CONNECTS_AT_ONCE, connection => connection.connect())
    return connections
  }

  close(): void {
    for (const connection of this.#connections) connection.close()
  }
}

/** `work` on every item, `width` of them at a time: the next starts as soon as one is done. */
export async function atOnce<T>(
  items: readonly T[],
  width: number,
  work: (item: T, index: number) => Promise<unknown>,
): Promise<void> {
  let taken = 0
  const next = async (): Promise<void> => {
    while (taken < items.length) {
      const index = taken++
      await work(items[index]!, index)
    }
  }
  await Promise.all(Array.from({ length: Math.min(width, items.length) }, next))
}
