import { parentPort, receiveMessageOnPort, workerData } from 'node:worker_threads'
import { toStoreError } from './database.ts'
import { Engine } from './engine.ts'
import type { OpenOptions, Reply, Request } from './protocol.ts'

/** What is taken off the port before anything is written: more waits its turn there. */
const gatheredMax = 256

function serve(port: NonNullable<typeof parentPort>, options: OpenOptions): void {
  const reply = (message: Reply, transfer: readonly ArrayBuffer[] = []) => port.postMessage(message, [...transfer])
  let engine: Engine
  try {
    engine = new Engine(options, { reply, stopped: () => port.close() })
  } catch (error) {
    const { code, message } = toStoreError(error, options.path)
    reply({ type: 'refused', error: { code, message } })
    return
  }
  port.on('message', (first: Request) => {
    const requests = [first]
    while (requests.length < gatheredMax) {
      const next = receiveMessageOnPort(port)
      if (next === undefined) break
      requests.push(next.message)
    }
    engine.handle(requests)
  })
}

if (parentPort !== null) serve(parentPort, workerData)
