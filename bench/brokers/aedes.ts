import { readFileSync } from 'node:fs'
import { fileURLToPath } from 'node:url'
import { BENCH_TOPICS, type Broker } from './contract.ts'
import { firstLine } from './processes.ts'

/** aedes in a Node process of its own, with its defaults. */
export function aedes(): Broker {
  return {
    name: 'aedes',
    profiles: () => ['memory'],
    isSynced: () => false,
    version: async () => {
      try {
        const manifest = fileURLToPath(new URL('./package.json', import.meta.resolve('aedes')))
        return { version: String(JSON.parse(readFileSync(manifest, 'utf8')).version) }
      } catch {
        return { missing: 'the package `aedes` is not installed' }
      }
    },
    start: async ({ processes, core }) => {
      const script = fileURLToPath(new URL('./aedes-server.ts', import.meta.url))
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
