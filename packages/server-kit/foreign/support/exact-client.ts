import { once } from 'node:events'
import { connect, type Socket } from 'node:net'
import { connectFrame, publish, splitFrames } from './frames.ts'
import type { HubProcess } from './hub.ts'
import type { Thing } from './provision.ts'
import { within } from './until.ts'

/** A packet between a client and the hub: its first byte, without the flags of a PUBLISH. */
export interface Step {
  readonly kind: number
  readonly isToHub: boolean
}

/** `lost`: the connection breaks before it is there. */
export type Fate = 'arrives' | 'lost'

/**
 * A client with a session of its own that outlives its connections, as MQTT 3.1.1 (section 4.1) asks of it: what is under way is remembered here, whatever becomes of the
 * sockets. Subclasses say what that is.
 */
export abstract class ExactClient {
  readonly #hub: HubProcess
  readonly #thing: Thing
  readonly #clientId: string
  #socket: Socket | undefined
  #rest: Buffer = Buffer.alloc(0)
  #connack: PromiseWithResolvers<number> | undefined
  #hasSession = false
  /** What it did not expect, ever: the first thing. */
  fault: Error | undefined
  /** Asked of each packet, before it is sent and before it is acted on: the moment to kill somebody. */
  fateOf: (step: Step) => Fate = () => 'arrives'

  constructor(hub: HubProcess, thing: Thing, clientId: string) {
    this.#hub = hub
    this.#thing = thing
    this.#clientId = clientId
  }

  /** For whoever looks into a test that failed. */
  get state(): string {
    return `${this.#clientId} is ${this.isConnected ? 'connected' : 'not connected'}, ${this.underWay}`
  }

  get isConnected(): boolean {
    return this.#socket !== undefined && !this.#socket.destroyed
  }

  /** Opens the next connection. An earlier one that still stands is not read any more, and taken over. */
  async connect(): Promise<void> {
    const old = this.#socket
    old?.removeAllListeners('data').pause()
    const socket = connect({ port: this.#hub.mqttPort, host: this.#hub.host, noDelay: true })
    // Hubs are killed here: a reset is an end like any other.
    socket.on('error', () => {})
    this.#socket = socket
    this.#rest = Buffer.alloc(0)
    const connack = Promise.withResolvers<number>()
    connack.promise.catch(() => {})
    this.#connack = connack
    socket.on('close', () => connack.reject(new Error('the hub closed before CONNACK')))
    socket.on('data', chunk => this.#receive(chunk))
    try {
      if (socket.connecting)
        await within(Promise.race([once(socket, 'connect'), connack.promise]), 'a TCP connection', 30_000)
      const { name, secret } = this.#thing
      socket.write(connectFrame({ clientId: this.#clientId, username: name, password: secret }, false))
      const flags = await within(connack.promise, 'CONNACK', 30_000)
      if (this.#hasSession && flags !== 1) this.fail(`the session of ${this.#clientId} is gone`)
      this.#hasSession = true
    } finally {
      old?.destroy()
    }
  }

  /** What was received and not read is lost, as with a cable. */
  cut(): void {
    this.#socket?.removeAllListeners('data').destroy()
  }

  protected abstract get underWay(): string
  protected abstract take(first: number, body: Buffer): void
  /** Sends what is under way again, in the turn in which CONNACK came. */
  protected abstract resume(): void

  /** One packet. What it says is remembered before: a client that is killed here finds it again. */
  protected write(frame: Buffer): void {
    if (!this.isConnected) return
    if (this.fateOf({ kind: kindOf(frame[0]!), isToHub: true }) === 'lost') this.cut()
    else this.#socket?.write(frame)
  }

  protected fail(what: string): void {
    this.fault ??= new Error(what)
  }

  #receive(chunk: Buffer): void {
    const socket = this.#socket
    this.#rest = splitFrames(Buffer.concat([this.#rest, chunk]), (first, body) => {
      // A cut in the middle of a chunk: the rest of it never came.
      if (socket !== this.#socket || socket?.destroyed) return
      if (this.fateOf({ kind: kindOf(first), isToHub: false }) === 'lost') this.cut()
      else if (first !== 0x20) this.take(first, body)
      else if (body[1] !== 0) this.#connack?.reject(new Error(`refused with return code ${body[1]}`))
      else {
        this.resume()
        this.#connack?.resolve(body[0]!)
      }
    })
  }
}

function kindOf(first: number): number {
  return first >> 4 === publish >> 4 ? publish : first
}
