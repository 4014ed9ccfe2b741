import { fileURLToPath } from 'node:url'
import { BENCH_TOPICS, type Broker } from './contract.ts'
import { firstLine } from './processes.ts'

/** No broker at all: passes bytes on without looking at them. What it reaches is the load generator's own ceiling. */
export function relay(): Broker {
  return {
    name: 'relay',
    profiles: (qos, shape) => (qos < 2 && shape.kind === 'flow' && !shape.persistent ? ['no broker'] : []),
    isSynced: () => false,
    version: async () => ({ version: 'of this bench' }),
    start: async ({ processes, core }) => {
      const script = fileURLToPath(new URL('./relay-server.ts', import.meta.url))
      const running = processes.start(core, [process.execPath, ...process.execArgv, script])
      const port = Number(await firstLine(running, 15_000))
      return {
        ...BENCH_TOPICS,
        pid: running.pid,
        host: '127.0.0.1',
        port,
        credentials: () => ({}),
        collectsGarbage: false,
        death: running.death,
        stop: running.stop,
      }
    },
  }
}
