import { spawnSync } from 'node:child_process'
import { fileURLToPath } from 'node:url'
import type { HubProcess } from './hub.ts'
import type { Thing } from './provision.ts'
import type { Running, Site } from './site.ts'

const driver = fileURLToPath(new URL('./paho-driver.py', import.meta.url))
const pythons = ['/usr/bin/python3', 'python3']

/** A Python that has paho: Debian's has what Debian's package brings, another one that comes first on PATH has not. */
const python = pythons.find(command => spawnSync(command, ['-c', 'import paho.mqtt.properties']).status === 0)

/** For `itWith`: by the name of the package, where no Python has it. */
export const paho: readonly string[] = python === undefined ? ['python3-paho-mqtt'] : []

export type PahoVersion = '3.1' | '3.1.1' | '5'
export type PahoProperties = Readonly<Record<string, unknown>>

export interface PahoConnect {
  readonly version?: PahoVersion
  readonly id?: string
  readonly clean?: boolean
  readonly keepalive?: number
  readonly will?: {
    readonly topic: string
    readonly payload: string
    readonly qos: number
    readonly retain: boolean
    readonly properties?: PahoProperties
  }
  readonly properties?: PahoProperties
  /** It comes back by itself when its connection ends. */
  readonly returns?: boolean
}

/** As Python calls them; before MQTT 5 there is the QoS alone. */
export interface PahoSubscribe {
  readonly qos: number
  readonly noLocal?: boolean
  readonly retainAsPublished?: boolean
  readonly retainHandling?: number
}

export interface PahoMessage {
  readonly topic: string
  readonly payload: string
  readonly qos: number
  readonly retain: boolean
  readonly dup: boolean
  readonly properties: PahoProperties
}

interface Said {
  readonly event: 'answer' | 'message' | 'disconnect' | 'connected'
  readonly [name: string]: unknown
}

/** paho-mqtt in a Python of its own, which takes one command after the other. */
export class Paho {
  readonly #running: Running
  #answers = 0
  #taken = 0

  private constructor(running: Running) {
    this.#running = running
  }

  /** Connected, whatever the answer is: that comes along. */
  static async connect(site: Site, hub: HubProcess, thing: Thing, options: PahoConnect = {}) {
    if (python === undefined) throw new Error('there is no Python that has paho')
    const client = new Paho(site.spawn(python, [driver]))
    const { name, secret } = thing
    const connection = { host: hub.host, port: hub.mqttPort, version: '5', id: '', username: name, password: secret }
    const answer = await client.#ask('connect', { ...connection, ...options })
    return {
      client,
      ...(answer as { readonly sessionPresent: boolean; readonly code: number; readonly properties: PahoProperties }),
    }
  }

  async subscribe(filters: Readonly<Record<string, PahoSubscribe>>, properties?: PahoProperties): Promise<number[]> {
    return (await this.#ask('subscribe', { filters: Object.entries(filters), properties })).codes as number[]
  }

  async unsubscribe(filters: readonly string[]): Promise<number[]> {
    return (await this.#ask('unsubscribe', { filters })).codes as number[]
  }

  /** Settles when it is acknowledged, with QoS 2 to the end of the exchange. */
  async publish(
    topic: string,
    payload: string,
    more: { readonly qos?: number; readonly retain?: boolean; readonly properties?: PahoProperties } = {},
  ): Promise<void> {
    const { published } = await this.#ask('publish', { topic, payload, ...more })
    if (published !== true) throw new Error(`${payload} was not acknowledged`)
  }

  async disconnect(code?: number, properties?: PahoProperties): Promise<void> {
    await this.#ask('disconnect', { code, properties })
    await this.disconnected()
  }

  /** The reason code that it was told, or its own name for what happened. */
  async disconnected(): Promise<number> {
    const ended = () => this.#said('disconnect')[0]
    await this.#running.says(() => ended() !== undefined, 'the end of the connection')
    return ended()!.code as number
  }

  /** It came back by itself; whether its session was there. */
  async returned(): Promise<boolean> {
    const back = () => this.#said('connected')[0]
    await this.#running.says(() => back() !== undefined, 'another connection')
    return back()!.sessionPresent as boolean
  }

  /** Gone without a word. */
  async kill(): Promise<void> {
    await this.#running.kill()
  }

  async take(count: number): Promise<PahoMessage[]> {
    const waiting = () => this.#said('message').slice(this.#taken)
    await this.#running.says(() => waiting().length >= count, `${count} messages`)
    this.#taken += count
    return waitingOf(this.#said('message'), this.#taken - count, count)
  }

  async texts(count: number): Promise<string[]> {
    return (await this.take(count)).map(({ payload }) => payload)
  }

  /** What came before a message that it sends itself and waits for. */
  async quiet(topic: string): Promise<string[]> {
    await this.publish(topic, 'marker', { qos: 1 })
    const heard: string[] = []
    for (;;) {
      const [message] = await this.take(1)
      if (message!.topic === topic) return heard
      heard.push(message!.payload)
    }
  }

  async #ask(operation: string, args: object): Promise<Readonly<Record<string, unknown>>> {
    const before = this.#answers
    this.#running.write(`${JSON.stringify({ do: operation, ...args })}\n`)
    await this.#running.says(() => this.#said('answer').length > before, `an answer to ${operation}`, 25_000)
    this.#answers += 1
    const { failed, ...answer } = this.#said('answer')[before]!
    if (failed !== undefined) throw new Error(`${operation}: ${failed}`)
    return answer
  }

  #said(event: Said['event']): readonly Said[] {
    return this.#running.lines.map(line => JSON.parse(line) as Said).filter(said => said.event === event)
  }
}

function waitingOf(said: readonly Said[], from: number, count: number): PahoMessage[] {
  return said.slice(from, from + count) as unknown as PahoMessage[]
}
