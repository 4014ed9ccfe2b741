import type { Counter } from '../../contracts/index.ts'
import { UdpRemote, type UdpRemoteContext } from './udp-remote.ts'

/** Of being heard, which need not be noted more exactly. */
const orderMs = 1_000
/** A power of two. */
const latelyPlaces = 1_024

/** Who was heard lately, bounded: the one that was quiet longest, to a second or so, is forgotten first. */
export class Remotes {
  readonly #byAddress = new Map<string, Map<number, UdpRemote>>()
  /**
   * By the last bits of their ports, those heard last: most are heard again soon, and to look for one by its address is to
   * hash a text that is another one with every datagram.
   */
  readonly #lately = new Array<UdpRemote | undefined>(latelyPlaces).fill(undefined)
  /** The one that was quiet longest comes first. */
  readonly #all = new Set<UdpRemote>()
  readonly #context: UdpRemoteContext
  #nextSerial = 1
  readonly #forgotten: Counter
  readonly #onForgotten: (remote: UdpRemote) => void

  constructor(context: UdpRemoteContext, forgotten: Counter, onForgotten: (remote: UdpRemote) => void) {
    this.#context = context
    this.#forgotten = forgotten
    this.#onForgotten = onForgotten
  }

  get size(): number {
    return this.#all.size
  }

  /** The one at this address and port, who was heard just now. */
  heard(address: string, port: number, nowMs: number): UdpRemote {
    const place = placeOf(port)
    let remote = this.#lately[place]
    if (remote === undefined || remote.port !== port || remote.address !== address) {
      remote = this.#byAddress.get(address)?.get(port) ?? this.#add(address, port)
      this.#lately[place] = remote
    }
    if (nowMs - remote.orderedAtMs >= orderMs) {
      remote.orderedAtMs = nowMs
      this.#all.delete(remote)
      this.#all.add(remote)
    }
    remote.heardAtMs = nowMs
    return remote
  }

  /** Lets go of those of whom nothing is kept that could still matter. */
  tick(nowMs: number, isNeeded: (remote: UdpRemote) => boolean): void {
    const { exchangeLifetimeMs, proofMs } = this.#context.limits
    const idleMs = Math.max(exchangeLifetimeMs, proofMs)
    for (const remote of this.#all) {
      if (nowMs - remote.heardAtMs <= idleMs) return
      if (!isNeeded(remote)) this.#remove(remote)
    }
  }

  #add(address: string, port: number): UdpRemote {
    if (this.#all.size >= this.#context.limits.peersMax) this.#forgetQuietest()
    const remote = new UdpRemote(this.#nextSerial++, address, port, this.#context)
    const ports = this.#byAddress.get(address)
    if (ports === undefined) this.#byAddress.set(address, new Map([[port, remote]]))
    else ports.set(port, remote)
    this.#all.add(remote)
    return remote
  }

  #remove(remote: UdpRemote): void {
    const { address, port } = remote
    const ports = this.#byAddress.get(address)
    ports?.delete(port)
    if (ports?.size === 0) this.#byAddress.delete(address)
    this.#all.delete(remote)
    const place = placeOf(port)
    if (this.#lately[place] === remote) this.#lately[place] = undefined
  }

  #forgetQuietest(): void {
    for (const remote of this.#all) {
      this.#remove(remote)
      this.#forgotten.value += 1
      this.#onForgotten(remote)
      return
    }
  }
}

function placeOf(port: number): number {
  return port & (latelyPlaces - 1)
}
