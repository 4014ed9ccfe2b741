import { readFileSync } from 'node:fs'
import { dirname, join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { firstLine } from '../brokers/processes.ts'
import { type CoapServer, plainServer } from './contract.ts'

const START_TIMEOUT_MS = 15_000

/** node-coap's server in a Node process of its own, with its defaults. */
export function nodeCoap(): CoapServer {
  return {
    name: 'node-coap',
    profiles: ({ kind }) => (kind === 'requests' ? ['memory'] : []),
    isSynced: () => false,
    version: async () => {
      try {
        const main = fileURLToPath(import.meta.resolve('coap'))
        const manifest = join(dirname(main), '..', 'package.json')
        return { version: String(JSON.parse(readFileSync(manifest, 'utf8')).version) }
      } catch {
        return { missing: 'the package `coap` is not installed' }
      }
    },
    start: async ({ processes, core }) => {
      const script = fileURLToPath(new URL('./node-coap-server.ts', import.meta.url))
      const running = processes.start(core, [process.execPath, ...process.execArgv, script])
      const port = Number(await firstLine(running, START_TIMEOUT_MS))
      const { pid, death, stop } = running
      return { ...plainServer(i => ['bench', String(i)]), pid, host: '127.0.0.1', port, death, stop }
    },
  }
}
