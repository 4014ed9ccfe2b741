import { Worker } from 'node:worker_threads'
import { ThingmeshError } from '@thingmesh/core'
import type { OpenOptions, Operation, PlainError, Reply, ResultOf } from './protocol.ts'

interface Waiting {
  resolve(value: unknown): void
  reject(error: ThingmeshError): void
}

type Opened = Extract<Reply, { readonly type: 'opened' }>

/** The main thread's end: numbers requests and settles them. When the worker is gone, so is everything that waits for it. */
export class StorePort {
  readonly opened: Promise<Opened>
  readonly #path: string
  readonly #worker: Worker
  /**
   * In the order of their numbers; the first is not settled. Not a `Map`: where requests come and go V8 gives it a new table
   * again and again, and an old `Map` keeps all of them, with what the requests came to, until a full collection.
   */
  #waiting: (Waiting | undefined)[] = []
  /** The number of the first. */
  #firstId = 1
  readonly #exited: Promise<void>
  #broken: ThingmeshError | undefined

  constructor(options: OpenOptions) {
    this.#path = options.path
    this.#worker = startWorker(options)
    const opened = Promise.withResolvers<Opened>()
    const exited = Promise.withResolvers<void>()
    this.opened = opened.promise
    this.#exited = exited.promise
    const breakDown = (error: ThingmeshError) => {
      this.#breakDown(error)
      opened.reject(error)
    }
    this.#worker.on('message', (reply: Reply) => {
      if (reply.type === 'opened') opened.resolve(reply)
      else if (reply.type === 'refused') breakDown(toError(reply.error))
      else this.#settle(reply)
    })
    this.#worker.on('error', cause => {
      breakDown(new ThingmeshError('unavailable', `the store of ${this.#path} has crashed`, { cause }))
    })
    this.#worker.on('exit', () => {
      breakDown(new ThingmeshError('unavailable', `the store of ${this.#path} is closed`))
      exited.resolve()
    })
  }

  request<Name extends Operation['op']>(
    operation: Extract<Operation, { readonly op: Name }>,
    transfer: readonly ArrayBuffer[] = [],
  ): Promise<ResultOf<Name>> {
    if (this.#broken !== undefined) return Promise.reject(this.#broken)
    const id = this.#firstId + this.#waiting.length
    return new Promise((resolve, reject) => {
      // First, because it throws where it cannot copy the operation: then there is nothing to wait for.
      this.#worker.postMessage({ ...operation, id }, transfer)
      this.#waiting.push({ resolve: value => resolve(value as ResultOf<Name>), reject })
    })
  }

  /** Settles when the worker has finished what it was asked and is gone, however it went. */
  async stop(): Promise<void> {
    await this.request({ op: 'stop' }).catch(() => undefined)
    await this.#exited
  }

  #settle(reply: Exclude<Reply, { readonly type: 'opened' | 'refused' }>): void {
    if (reply.type === 'done') {
      for (const id of reply.ids) this.#take(id)?.resolve(undefined)
    } else if (reply.type === 'result') {
      this.#take(reply.id)?.resolve(reply.value)
    } else {
      this.#take(reply.id)?.reject(toError(reply.error))
    }
  }

  #take(id: number): Waiting | undefined {
    const at = id - this.#firstId
    const taken = this.#waiting[at]
    if (taken === undefined) return undefined
    this.#waiting[at] = undefined
    if (at > 0) return taken
    const next = this.#waiting.findIndex(waiting => waiting !== undefined)
    const settled = next === -1 ? this.#waiting.length : next
    this.#waiting.splice(0, settled)
    this.#firstId += settled
    return taken
  }

  #breakDown(error: ThingmeshError): void {
    this.#broken ??= error
    const waiting = this.#waiting
    this.#firstId += waiting.length
    this.#waiting = []
    for (const one of waiting) one?.reject(this.#broken)
  }
}

/**
 * From the sources the worker is a TypeScript file too, which Node runs as it is, and our packages are found by the
 * condition that points at their sources. In the built package it is a file next to this one.
 */
const fromSources = '--conditions=@thingmesh/source'

/** In a long flood V8 would take 60 MiB here for short-lived objects. They are few: what is large are segments. */
const resourceLimits = { maxYoungGenerationSizeMb: 16 }

function startWorker(workerData: OpenOptions): Worker {
  const options = { name: 'thingmesh-sqlite', workerData, resourceLimits }
  // The flags of the main thread are not the worker's: some, such as `--input-type`, it would not start with.
  return import.meta.url.endsWith('.ts')
    ? new Worker(new URL('./worker.ts', import.meta.url), { ...options, execArgv: [fromSources] })
    : new Worker(new URL('./sqlite-worker.js', import.meta.url), { ...options, execArgv: [] })
}

function toError({ code, message }: PlainError): ThingmeshError {
  return new ThingmeshError(code, message)
}
