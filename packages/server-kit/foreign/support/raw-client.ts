import { once } from 'node:events'
import { connect, type Socket } from 'node:net'
import { connectFrame, disconnectFrame, pubackFrame, splitFrames, subscribeFrame } from './frames.ts'
import type { HubProcess } from './hub.ts'
import type { Thing } from './provision.ts'
import type { Site } from './site.ts'
import { within } from './until.ts'

export interface RawOptions {
  readonly clientId: string
  /** A session that stays at the hub. */
  readonly persistent?: boolean
  /** The payload is valid during the call only. */
  readonly onMessage?: (topic: string, payload: Buffer, qos: number) => void
  readonly onAck?: (packetId: number) => void
}

/** An MQTT 3.1.1 client over a bare socket, that can stop reading. It acknowledges what it gets. */
export class RawClient {
  readonly #socket: Socket
  readonly #options: RawOptions
  readonly #connack = Promise.withResolvers<{ readonly sessionPresent: boolean; readonly code: number }>()
  readonly #subacks = new Map<number, (granted: number) => void>()
  readonly closed: Promise<void>
  #rest: Buffer = Buffer.alloc(0)
  #acks: Buffer[] = []
  #lastId = 0
  #isClosed = false
  sessionPresent = false

  constructor(socket: Socket, options: RawOptions) {
    this.#socket = socket
    this.#options = options
    this.closed = new Promise(resolve => {
      socket.on('close', () => {
        this.#isClosed = true
        this.#connack.reject(new Error('the hub closed before CONNACK'))
        resolve()
      })
    })
    this.#connack.promise.catch(() => undefined)
    // Hubs are killed here: a reset is an end like any other.
    socket.on('error', () => {})
    socket.on('data', chunk => this.#receive(chunk))
  }

  get isClosed(): boolean {
    return this.#isClosed
  }

  async open(thing: Thing): Promise<void> {
    const { clientId, persistent = false } = this.#options
    this.#socket.write(connectFrame({ clientId, username: thing.name, password: thing.secret }, !persistent))
    const { code, sessionPresent } = await within(this.#connack.promise, 'CONNACK', 10_000)
    if (code !== 0) throw new Error(`refused with return code ${code}`)
    this.sessionPresent = sessionPresent
  }

  async subscribe(filter: string, qos: 0 | 1): Promise<void> {
    this.#lastId += 1
    const id = this.#lastId
    const granted = new Promise<number>(resolve => this.#subacks.set(id, resolve))
    this.#socket.write(subscribeFrame(id, filter, qos))
    const code = await within(granted, `SUBACK for ${filter}`, 10_000)
    if (code !== qos) throw new Error(`${filter} asked with QoS ${qos}, granted ${code}`)
  }

  /** False: the socket has enough for now. */
  write(bytes: Uint8Array): boolean {
    return this.#isClosed ? false : this.#socket.write(bytes)
  }

  /** Reads no more, as a peer that hangs: its buffers fill, and then the hub's. */
  freeze(): void {
    this.#socket.pause()
  }

  thaw(): void {
    this.#socket.resume()
  }

  async leave(): Promise<void> {
    if (!this.#isClosed) this.#socket.end(disconnectFrame)
    await within(this.closed, 'the end of the connection', 10_000)
  }

  async cut(): Promise<void> {
    this.#socket.destroy()
    await this.closed
  }

  #receive(chunk: Buffer): void {
    const bytes = this.#rest.length === 0 ? chunk : Buffer.concat([this.#rest, chunk])
    this.#rest = splitFrames(bytes, (first, body) => this.#take(first, body))
    if (this.#acks.length > 0) {
      this.write(Buffer.concat(this.#acks))
      this.#acks = []
    }
  }

  #take(first: number, body: Buffer): void {
    const kind = first >> 4
    if (kind === 3) this.#takePublish(first, body)
    else if (kind === 4) this.#options.onAck?.(body.readUInt16BE(0))
    else if (kind === 2) this.#connack.resolve({ sessionPresent: body[0] === 1, code: body[1]! })
    else if (kind === 9) this.#subacks.get(body.readUInt16BE(0))?.(body[2]!)
    else throw new Error(`a packet of kind ${kind}, which nobody asked for`)
  }

  #takePublish(first: number, body: Buffer): void {
    const qos = (first >> 1) & 3
    const topicEnd = 2 + body.readUInt16BE(0)
    const payloadAt = qos === 0 ? topicEnd : topicEnd + 2
    this.#options.onMessage?.(body.toString('latin1', 2, topicEnd), body.subarray(payloadAt), qos)
    if (qos > 0) this.#acks.push(pubackFrame(body.readUInt16BE(topicEnd)))
  }
}

export async function connectRaw(site: Site, hub: HubProcess, thing: Thing, options: RawOptions): Promise<RawClient> {
  const socket = connect({ port: hub.mqttPort, host: hub.host, noDelay: true })
  await within(once(socket, 'connect'), 'a TCP connection', 10_000)
  const client = new RawClient(socket, options)
  site.cleanup(() => client.cut())
  await client.open(thing)
  return client
}
