import { spawnSync } from 'node:child_process'
import { freePort } from '../brokers/processes.ts'
import { awaitPong } from '../load/coap/ping.ts'
import { type CoapServer, plainServer } from './contract.ts'

// Debian's libcoap3-bin has one for each TLS library.
const NAMES = ['coap-server-notls', 'coap-server', 'coap-server-openssl', 'coap-server-gnutls']
const START_TIMEOUT_MS = 10_000

/** The example server of libcoap, which has one resource that holds what was put there. */
export function libcoap(): CoapServer {
  return {
    name: 'libcoap',
    profiles: ({ kind, method }) => (kind === 'requests' && method === 'get' ? ['memory'] : []),
    isSynced: () => false,
    version: async () => {
      const found = find()
      return found === undefined ? { missing: `there is none of ${NAMES.join(', ')}` } : { version: found.version }
    },
    start: async ({ processes, core }) => {
      const port = await freePort()
      const { name } = find()!
      const running = processes.start(core, [name, '-A', '127.0.0.1', '-p', String(port)])
      await awaitPong('127.0.0.1', port, START_TIMEOUT_MS)
      const { pid, death, stop } = running
      return { ...plainServer(() => ['example_data']), pid, host: '127.0.0.1', port, death, stop }
    },
  }
}

function find(): { readonly name: string; readonly version: string } | undefined {
  for (const name of NAMES) {
    // It has no option that only tells its version: what it says of its use begins with that.
    const { error, stderr, stdout } = spawnSync(name, ['-h'], { encoding: 'utf8' })
    if (error !== undefined) continue
    const version = /\bv?(\d+\.\d+\.\d+)\b/.exec(`${stderr}${stdout}`)?.[1]
    return { name, version: `${version ?? 'of unknown version'} (${name})` }
  }
  return undefined
}
