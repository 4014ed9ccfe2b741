import { createSocket, type Socket } from 'node:dgram'
import { once } from 'node:events'
import type { BrokenNetwork } from './proxy.ts'

/** The same for datagrams. `cut` is what a router does that forgets: whoever goes on comes from another address. */
export async function startDatagramProxy(target: () => number): Promise<BrokenNetwork> {
  const front = createSocket('udp4')
  const behind = new Map<number, Socket>()
  const frozen = new Set<number>()
  let isFrozen = false
  let open = true
  front.on('message', (datagram, { port }) => {
    // As with connections: who began while it was frozen stays so.
    if (isFrozen) frozen.add(port)
    if (!open || frozen.has(port)) return
    let socket = behind.get(port)
    if (socket === undefined) {
      socket = createSocket('udp4')
      socket.on('message', answer => open && !frozen.has(port) && front.send(answer, port, '127.0.0.1'))
      socket.on('error', () => undefined)
      behind.set(port, socket)
    }
    const to = target()
    // Port 0: there is no hub now.
    if (to !== 0) socket.send(datagram, to, '127.0.0.1')
  })
  front.bind(0, '127.0.0.1')
  await once(front, 'listening')
  const cut = (): void => {
    for (const socket of behind.values()) socket.close()
    behind.clear()
  }
  return {
    port: front.address().port,
    cut,
    freeze() {
      isFrozen = true
      for (const port of behind.keys()) frozen.add(port)
    },
    thaw() {
      isFrozen = false
    },
    admit(opened) {
      open = opened
    },
    async [Symbol.asyncDispose]() {
      cut()
      const closed = once(front, 'close')
      front.close()
      await closed
    },
  }
}
