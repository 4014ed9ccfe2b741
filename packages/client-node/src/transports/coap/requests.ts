import type { Socket } from 'node:dgram'
import { ThingmeshError } from '@thingmesh/core'
import { type CoapOption, Code, OptionNumber, toContentFormat, uintOption } from '@thingmesh/core/coap'
import { Agent, type IncomingMessage } from 'coap'
import type { Answer } from './mapping.ts'
import { UnconnectedLook } from './socket.ts'

export interface Asked {
  readonly method: 'GET' | 'POST' | 'PUT'
  readonly confirmable: boolean
  readonly options: readonly CoapOption[]
  readonly payload?: Uint8Array
}

/** Names of options that node-coap takes with bytes as they are. */
const names = {
  [OptionNumber.uriPath]: 'Uri-Path',
  [OptionNumber.uriQuery]: 'Uri-Query',
  [OptionNumber.contentFormat]: 'Content-Format',
  [OptionNumber.maxAge]: 'Max-Age',
} as const

/** A larger body goes in blocks of that size: it leaves room for a long path and the keys in a datagram of 1,152 bytes. */
const blockBytes = 512
const blockExponent = 5

/** Requests by node-coap: it sends again what is not acknowledged, matches answers, and takes bodies apart and together. */
export class CoapRequests {
  readonly #agent: Agent
  readonly #timeoutMs: number
  readonly #rejects = new Set<(error: ThingmeshError) => void>()

  /** The socket is the caller's to close, after `close`. */
  constructor(socket: Socket, timeoutMs: number) {
    this.#agent = new Agent({ socket: new UnconnectedLook(socket) as unknown as Socket })
    this.#agent.on('error', () => undefined)
    this.#timeoutMs = timeoutMs
  }

  /** Rejects with `timeout` or `unavailable`, and the outcome `unknown`. What was answered is the caller's to judge. */
  async ask(asked: Asked): Promise<Answer> {
    const first = await this.#ask(asked)
    // RFC 9175, section 2.3: the hub wants to know that we are where we write from.
    const echo = first.options.find(({ number }) => number === OptionNumber.echo)
    return first.code === Code.unauthorized && echo !== undefined ? this.#ask(asked, echo.value) : first
  }

  /** Whoever waits is told the reason. */
  close(reason: ThingmeshError): void {
    for (const reject of this.#rejects) reject(reason)
    this.#rejects.clear()
    this.#agent.close()
  }

  #ask({ method, confirmable, options, payload }: Asked, echo?: Uint8Array): Promise<Answer> {
    const request = this.#agent.request({ method, confirmable })
    for (const [number, name] of Object.entries(names)) {
      const values = options.filter(option => option.number === Number(number)).map(({ value }) => Buffer.from(value))
      if (values.length > 0) request.setOption(name, values)
    }
    if (echo !== undefined) request.setOption(String(OptionNumber.echo) as never, Buffer.from(echo))
    if (payload !== undefined && payload.length > blockBytes) request.setOption('Block1', Buffer.of(blockExponent))
    return new Promise<Answer>((resolve, reject) => {
      const fail = (error: ThingmeshError): void => {
        clearTimeout(timer)
        this.#rejects.delete(fail)
        this.#agent.abort(request)
        reject(error)
      }
      this.#rejects.add(fail)
      const timer = setTimeout(() => {
        fail(
          new ThingmeshError('timeout', `no answer from the hub within ${this.#timeoutMs} ms`, { outcome: 'unknown' }),
        )
      }, this.#timeoutMs)
      request.on('error', (cause: unknown) => {
        fail(new ThingmeshError('unavailable', 'the request could not be sent', { cause, outcome: 'unknown' }))
      })
      request.on('response', (response: IncomingMessage) => {
        clearTimeout(timer)
        this.#rejects.delete(fail)
        resolve(toAnswer(response))
      })
      request.end(payload === undefined ? undefined : Buffer.from(payload))
    })
  }
}

/** node-coap turns what it knows into words; the packet has the bytes. */
function toAnswer(response: IncomingMessage): Answer {
  const [top, detail] = response.code.split('.')
  const options = [...toOptions(response)].sort((a, b) => a.number - b.number)
  return { code: (Number(top) << 5) | Number(detail), options, payload: new Uint8Array(response.payload) }
}

function* toOptions(response: IncomingMessage): Generator<CoapOption> {
  const { options } = response as unknown as { readonly options: readonly { name: unknown; value: unknown }[] }
  for (const { name, value } of options) {
    if (typeof name === 'number' && value instanceof Uint8Array) yield { number: name, value: new Uint8Array(value) }
    if (name === 'Max-Age' && typeof value === 'number') yield uintOption(OptionNumber.maxAge, value)
    if (name !== 'Content-Format') continue
    const format = typeof value === 'string' ? toContentFormat(value) : value
    if (typeof format === 'number') yield uintOption(OptionNumber.contentFormat, format)
  }
}
