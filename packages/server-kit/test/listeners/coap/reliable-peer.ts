import { once } from 'node:events'
import { connect } from 'node:net'
import {
  type CoapBody,
  Code,
  codeText,
  decodeWebSocketMessage,
  encodeFrame,
  encodeWebSocketMessage,
  FrameParser,
  findUint,
  OptionNumber,
  Signal,
  stringOption,
} from '@thingmesh/core/coap'
import { vi } from 'vitest'
import { WebSocket } from 'ws'
import { same } from './peer.ts'

const none = new Uint8Array(0)

export const textOf = ({ payload }: CoapBody): string => new TextDecoder().decode(payload)
export const uintOf = ({ options }: CoapBody, number: number): number | undefined => findUint(options, number)

interface Asked {
  readonly code?: number
  readonly path?: string
  readonly query?: readonly string[]
  readonly options?: CoapBody['options']
  readonly payload?: Uint8Array | string
  readonly token?: Uint8Array
}

/** What carries a peer's messages. */
interface Carrier {
  write: (bytes: Uint8Array) => void
  pause(): void
  /** Says farewell, behind what was written. */
  end(): void
  destroy(): void
  readonly closed: Promise<unknown>
}

/** A CoAP peer over a connection, by hand. */
export class ReliablePeer {
  readonly inbox: CoapBody[] = []
  readonly carrier: Carrier
  readonly #encode: (body: CoapBody) => Uint8Array
  readonly #query: readonly string[]
  #count = 0

  constructor(carrier: Carrier, encode: (body: CoapBody) => Uint8Array, key: string) {
    this.carrier = carrier
    this.#encode = encode
    this.#query = [`auth=${key}`]
  }

  get closed(): Promise<unknown> {
    return this.carrier.closed
  }

  send(body: Partial<CoapBody>): void {
    this.carrier.write(this.#encode({ code: 0, token: none, options: [], payload: none, ...body }))
  }

  tell({ code = Code.get, path = '/c/telemetry/a', query = this.#query, options = [], payload = '', token }: Asked) {
    this.#count += 1
    const sent = token ?? Uint8Array.of(this.#count >> 8, this.#count)
    const segments = path.split('/').slice(1)
    const told = [
      ...segments.map(segment => stringOption(OptionNumber.uriPath, segment)),
      ...query.map(part => stringOption(OptionNumber.uriQuery, part)),
      ...options,
    ]
    this.send({
      code,
      token: sent,
      options: told,
      payload: typeof payload === 'string' ? new TextEncoder().encode(payload) : payload,
    })
    return sent
  }

  async ask(asked: Asked): Promise<CoapBody> {
    const sent = this.tell(asked)
    return this.take(message => same(message.token, sent))
  }

  /** The next one under this token. Fails where none comes. */
  notification(token: Uint8Array): Promise<CoapBody> {
    return this.take(message => same(message.token, token))
  }

  take(fits: (message: CoapBody) => boolean = () => true): Promise<CoapBody> {
    return vi.waitFor(
      () => {
        const at = this.inbox.findIndex(fits)
        if (at === -1) throw new Error(`nothing that fits among ${this.inbox.map(({ code }) => codeText(code))}`)
        return this.inbox.splice(at, 1)[0]!
      },
      { timeout: 8_000, interval: 2 },
    )
  }
}

export async function dialTcp(port: number, key: string): Promise<ReliablePeer> {
  const socket = connect(port, '127.0.0.1')
  socket.on('error', () => undefined)
  const closed = new Promise(resolve => socket.once('close', resolve))
  const carrier = {
    write: (bytes: Uint8Array) => void socket.write(bytes),
    pause: () => void socket.pause(),
    end: () => void socket.end(),
    destroy: () => void socket.destroy(),
    closed,
  }
  const peer = new ReliablePeer(carrier, encodeFrame, key)
  const parser = new FrameParser(1_000_000)
  socket.on('data', chunk => parser.push(new Uint8Array(chunk as Buffer), message => peer.inbox.push(message)))
  await once(socket, 'connect')
  return peer
}

export interface WebSocketPeer extends ReliablePeer {
  readonly webSocket: WebSocket
}

/** `closed` gives the code of the close. */
export async function dialWebSocket(port: number, key: string): Promise<WebSocketPeer> {
  const webSocket = new WebSocket(`ws://127.0.0.1:${port}/.well-known/coap`, 'coap')
  webSocket.on('error', () => undefined)
  const closed = new Promise(resolve => webSocket.once('close', resolve))
  const carrier = {
    write: (bytes: Uint8Array) => webSocket.send(bytes),
    pause: () => webSocket.pause(),
    end: () => webSocket.close(),
    destroy: () => webSocket.terminate(),
    closed,
  }
  const peer = new ReliablePeer(carrier, encodeWebSocketMessage, key)
  webSocket.on('message', data => peer.inbox.push(decodeWebSocketMessage(new Uint8Array(data as Buffer))))
  await once(webSocket, 'open')
  return Object.assign(peer, { webSocket })
}

/** With settings exchanged. */
export async function openReliable<Peer extends ReliablePeer>(dialled: Promise<Peer>): Promise<Peer> {
  const peer = await dialled
  peer.send({ code: Signal.csm })
  await peer.take(({ code }) => code === Signal.csm)
  return peer
}
