import type { Counter } from '../../contracts/index.ts'
import { UdpRemote, type UdpRemoteContext } from './udp-remote.ts'

/** Who was heard lately, bounded: the one that was quiet longest is forgotten first. */
export class Remotes {
  readonly #remotes = new Map<string, UdpRemote>()
  readonly #context: UdpRemoteContext
  readonly #forgotten: Counter
  readonly #onForgotten: (remote: UdpRemote) => void

  constructor(context: UdpRemoteContext, forgotten: Counter, onForgotten: (remote: UdpRemote) => void) {
    this.#context = context
    this.#forgotten = forgotten
    this.#onForgotten = onForgotten
  }

  get size(): number {
    return this.#remotes.size
  }

  /** The one at this address and port, who was heard just now. */
  heard(address: string, port: number): UdpRemote {
    const key = `${address} ${port}`
    let remote = this.#remotes.get(key)
    if (remote === undefined) {
      if (this.#remotes.size >= this.#context.limits.peersMax) this.#forgetQuietest()
      remote = new UdpRemote(key, address, port, this.#context)
    } else this.#remotes.delete(key)
    this.#remotes.set(key, remote)
    remote.heardAtMs = this.#context.nowMs()
    return remote
  }

  /** Lets go of those of whom nothing is kept that could still matter. */
  tick(nowMs: number, isNeeded: (remote: UdpRemote) => boolean): void {
    const { exchangeLifetimeMs, proofMs } = this.#context.limits
    const idleMs = Math.max(exchangeLifetimeMs, proofMs)
    for (const remote of this.#remotes.values()) {
      if (nowMs - remote.heardAtMs <= idleMs) return
      if (!isNeeded(remote)) this.#remotes.delete(remote.key)
    }
  }

  #forgetQuietest(): void {
    for (const remote of this.#remotes.values()) {
      this.#remotes.delete(remote.key)
      this.#forgotten.value += 1
      this.#onForgotten(remote)
      return
    }
  }
}
