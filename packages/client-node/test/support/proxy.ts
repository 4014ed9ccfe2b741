import { once } from 'node:events'
import { type AddressInfo, connect, createServer, type Socket } from 'node:net'

export interface BrokenNetwork extends AsyncDisposable {
  readonly port: number
  /** Ends every connection, as a cable that is pulled and put back. */
  cut(): void
  /** Takes bytes and passes nothing on, without closing anything: a network that is gone and does not say so. */
  freeze(): void
  /** Passes on again what comes, on new connections: those that there were stay dead. */
  thaw(): void
  /** Lets new connections in or turns them away. */
  admit(open: boolean): void
}

export interface BrokenStream extends BrokenNetwork {
  /** Still passes on what is sent, and none of the answers, on the connections that there are. */
  mute(): void
}

interface Pair {
  readonly near: Socket
  readonly far: Socket
  /** Passes nothing on any more, and never again: what was lost in between would be missing from the stream. */
  isDead: boolean
  isMute: boolean
}

/** A network that can be broken: what connects to it is passed on to where `target` says at that moment. */
export async function startProxy(target: () => number): Promise<BrokenStream> {
  const pairs = new Set<Pair>()
  let frozen = false
  let open = true
  const server = createServer(near => {
    if (!open) {
      near.destroy()
      return
    }
    const far = connect({ host: '127.0.0.1', port: target() })
    const pair: Pair = { near, far, isDead: frozen, isMute: false }
    pairs.add(pair)
    passOn(pair, near, far)
    passOn(pair, far, near)
  })
  const passOn = (pair: Pair, from: Socket, to: Socket): void => {
    from.on('data', chunk => pair.isDead || (pair.isMute && to === pair.near) || to.write(chunk))
    from.on('error', () => undefined)
    from.on('close', () => {
      if (!pair.isDead) to.destroy()
      if (to.destroyed) pairs.delete(pair)
    })
  }
  server.listen(0, '127.0.0.1')
  await once(server, 'listening')
  const cut = (): void => {
    for (const { near, far } of pairs) {
      near.destroy()
      far.destroy()
    }
  }
  return {
    port: (server.address() as AddressInfo).port,
    cut,
    mute() {
      for (const pair of pairs) pair.isMute = true
    },
    freeze() {
      frozen = true
      for (const pair of pairs) pair.isDead = true
    },
    thaw() {
      frozen = false
    },
    admit(opened) {
      open = opened
    },
    async [Symbol.asyncDispose]() {
      const closed = once(server, 'close')
      server.close()
      cut()
      await closed
    },
  }
}
