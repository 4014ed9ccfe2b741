import { connect as connectTcp, isIP, type Socket } from 'node:net'
import { connect as connectTls } from 'node:tls'
import { ThingmeshError } from '@thingmesh/core'
import type { Dial } from '@thingmesh/core/mqtt-client'
import { type TlsOptions, toNodeTls } from './tls.ts'

/** How long a connection that was ended may take to go. */
const lingerMs = 1_000

/** Opens TCP, or TLS where `tls` is given. */
export function tcpDial(host: string, port: number, tls: TlsOptions | undefined): Dial {
  return async (handlers, signal) => {
    const socket = openSocket(host, port, tls)
    let failure: unknown
    socket.on('error', error => {
      failure = error
    })
    await opened(socket, tls === undefined ? 'connect' : 'secureConnect', signal)
    socket.setNoDelay(true)
    socket.on('data', bytes => handlers.onBytes(bytes))
    socket.on('close', () => handlers.onClosed(failure))
    const gathered = gathering(socket)
    return {
      get bufferedBytes() {
        return socket.writableLength + gathered.waitingBytes
      },
      send: gathered.write,
      end() {
        gathered.flush()
        socket.end()
        setTimeout(() => socket.destroy(), lingerMs).unref()
      },
      destroy: () => void socket.destroy(),
    }
  }
}

/** So much is not held back: the hub may as well begin with it while we go on. */
const gatheredBytesMax = 2_048

/** One write, of one piece, for all that one turn of the event loop has to say: many small ones cost more than a copy. */
function gathering(socket: Socket): { readonly waitingBytes: number; write(bytes: Uint8Array): void; flush(): void } {
  let waiting: Uint8Array[] = []
  let waitingBytes = 0
  let isDue = false
  const endTurn = (): void => {
    isDue = false
    flush()
  }
  const flush = (): void => {
    const [first] = waiting
    if (first === undefined) return
    socket.write(waiting.length === 1 ? first : Buffer.concat(waiting, waitingBytes))
    waiting = []
    waitingBytes = 0
  }
  return {
    get waitingBytes() {
      return waitingBytes
    },
    write(bytes) {
      if (!isDue) process.nextTick(endTurn)
      isDue = true
      waiting.push(bytes)
      waitingBytes += bytes.length
      if (waitingBytes >= gatheredBytesMax) flush()
    },
    flush,
  }
}

function openSocket(host: string, port: number, tls: TlsOptions | undefined): Socket {
  if (tls === undefined) return connectTcp({ host, port })
  return connectTls({ host, port, servername: isIP(host) === 0 ? host : '', ...toNodeTls(tls) })
}

function opened(socket: Socket, event: 'connect' | 'secureConnect', signal: Parameters<Dial>[1]): Promise<void> {
  return new Promise((resolve, reject) => {
    const cancel = (): void => void socket.destroy(new Error('the caller gave up'))
    if (signal.aborted) cancel()
    signal.addEventListener('abort', cancel)
    const settle = (act: () => void): void => {
      signal.removeEventListener('abort', cancel)
      act()
    }
    socket.once(event, () => settle(resolve))
    socket.once('error', error => settle(() => reject(notOpened(error))))
    socket.once('close', () => settle(() => reject(new Error('the connection was closed'))))
  })
}

function notOpened(cause: NodeJS.ErrnoException): ThingmeshError {
  const name = cause.code === undefined ? '' : ` (${cause.code})`
  return new ThingmeshError('unavailable', `the connection could not be opened${name}`, { cause, outcome: 'not-sent' })
}
