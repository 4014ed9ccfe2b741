import { createSocket, type Socket } from 'node:dgram'
import {
  type CoapMessage,
  type CoapOption,
  Code,
  codeText,
  decodeMessage,
  encodeEmpty,
  encodeMessage,
  findOption,
  findUint,
  OptionNumber,
  stringOption,
  uintOption,
} from '@thingmesh/core/coap'
import { vi } from 'vitest'

export interface Asked {
  readonly type?: CoapMessage['type']
  readonly code?: number
  readonly path?: string
  readonly query?: readonly string[]
  readonly options?: readonly CoapOption[]
  readonly payload?: Uint8Array | string
  readonly messageId?: number
  readonly token?: Uint8Array
}

export const textOf = ({ payload }: Pick<CoapMessage, 'payload'>): string => new TextDecoder().decode(payload)
export const observe = (value: number): CoapOption => uintOption(OptionNumber.observe, value)
export const eTagOf = ({ options }: CoapMessage): Uint8Array | undefined => findOption(options, OptionNumber.eTag)
export const uintOf = ({ options }: CoapMessage, number: number): number | undefined => findUint(options, number)

/** A CoAP peer by hand, on a socket of its own: what it is sent waits until it is taken, and nothing is answered by itself. */
export class TestPeer {
  readonly inbox: CoapMessage[] = []
  readonly #socket: Socket
  readonly #port: number
  readonly #query: readonly string[]
  #count = 0

  private constructor(socket: Socket, port: number, query: readonly string[]) {
    this.#socket = socket
    this.#port = port
    this.#query = query
    socket.on('message', datagram => this.inbox.push(decodeMessage(new Uint8Array(datagram))))
  }

  static async open(port: number, query: readonly string[] = []): Promise<TestPeer> {
    const socket = createSocket('udp4')
    await new Promise<void>(resolve => socket.bind(0, '127.0.0.1', resolve))
    return new TestPeer(socket, port, query)
  }

  /** Closed twice is closed. */
  close(): void {
    try {
      this.#socket.close()
    } catch {
      // It was.
    }
  }

  send(bytes: Uint8Array): void {
    this.#socket.send(bytes, this.#port, '127.0.0.1')
  }

  request(asked: Asked): CoapMessage {
    this.#count += 1
    const { type = 'confirmable', code = Code.get, path = '', query = this.#query, options = [], payload = '' } = asked
    const segments = path.split('/').filter((segment, i) => i > 0 || segment !== '')
    return {
      type,
      code,
      messageId: asked.messageId ?? this.#count,
      token: asked.token ?? Uint8Array.of(this.#count >> 8, this.#count),
      options: [
        ...segments.map(segment => stringOption(OptionNumber.uriPath, segment)),
        ...query.map(part => stringOption(OptionNumber.uriQuery, part)),
        ...options,
      ],
      payload: typeof payload === 'string' ? new TextEncoder().encode(payload) : payload,
    }
  }

  /** Sends it, and gives what was sent. */
  tell(asked: Asked): CoapMessage {
    const message = this.request(asked)
    this.send(encodeMessage(message))
    return message
  }

  /** Sends it, and gives the response to it, acknowledged where that wants to be. */
  async ask(asked: Asked): Promise<CoapMessage> {
    const { token } = this.tell(asked)
    const response = await this.take(message => message.code !== Code.empty && same(message.token, token))
    if (response.type === 'confirmable') this.acknowledge(response)
    return response
  }

  /** The code of the response, as people write it. */
  async codeOf(asked: Asked): Promise<string> {
    return codeText((await this.ask(asked)).code)
  }

  acknowledge({ messageId }: CoapMessage): void {
    this.send(encodeEmpty('acknowledgement', messageId))
  }

  reset({ messageId }: CoapMessage): void {
    this.send(encodeEmpty('reset', messageId))
  }

  /** The first message that fits, taken out of the inbox. Fails where none comes. */
  async take(fits: (message: CoapMessage) => boolean = () => true): Promise<CoapMessage> {
    return vi.waitFor(
      () => {
        const at = this.inbox.findIndex(fits)
        if (at === -1) throw new Error(`nothing that fits among ${this.inbox.map(summary).join(', ') || 'nothing'}`)
        return this.inbox.splice(at, 1)[0]!
      },
      { timeout: 8_000, interval: 2 },
    )
  }

  /** Answers pings, so that the hub knows that it is there, and takes the next notification, acknowledged where it wants to be. */
  async notification(token: Uint8Array): Promise<CoapMessage> {
    for (;;) {
      const message = await this.take(one => one.code === Code.empty || same(one.token, token))
      if (message.code !== Code.empty) {
        if (message.type === 'confirmable') this.acknowledge(message)
        return message
      }
      if (message.type === 'confirmable') this.reset(message)
    }
  }

  /** Settles when everything that was sent before is dealt with: the answer to a ping comes after it. */
  async settled(): Promise<void> {
    this.#count += 1
    const messageId = 0xf000 + (this.#count & 0xfff)
    this.send(encodeEmpty('confirmable', messageId))
    await this.take(message => message.type === 'reset' && message.messageId === messageId)
  }

  /** Shows the hub that it hears, by an Echo round trip (RFC 9175). `path` has to have more than three times as much to say. */
  async prove(path: string): Promise<void> {
    const challenge = await this.ask({ path })
    const value = findOption(challenge.options, OptionNumber.echo)
    if (value === undefined) throw new Error(`no echo in a ${codeText(challenge.code)}`)
    await this.ask({ path, options: [{ number: OptionNumber.echo, value }] })
    this.inbox.splice(0)
  }
}

export function same(a: Uint8Array, b: Uint8Array): boolean {
  return Buffer.compare(a, b) === 0
}

function summary({ type, code, messageId }: CoapMessage): string {
  return `${type} ${codeText(code)} ${messageId}`
}
