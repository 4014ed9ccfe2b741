import { once } from 'node:events'
import { cborCodec } from '@thingmesh/core/cbor'
import { type RawData, WebSocket } from 'ws'
import type { Door, Heard, Said } from '../door.ts'
import { toHeard } from './http.ts'

type Fields = Record<string, unknown>

/** How an envelope is written. */
interface Format {
  readonly name: string
  readonly subprotocol: string
  encode(fields: Fields): string | Uint8Array
  decode(bytes: Uint8Array): Fields
  payload(bytes: Uint8Array): Fields
}

const json: Format = {
  name: 'WebSocket, JSON',
  subprotocol: 'thingmesh.json.v1',
  encode: fields => JSON.stringify(fields),
  decode: bytes => JSON.parse(Buffer.from(bytes).toString()),
  payload: bytes => ({ payload: Buffer.from(bytes).toString('base64'), encoding: 'base64' }),
}

const cbor: Format = {
  name: 'WebSocket, CBOR',
  subprotocol: 'thingmesh.cbor.v1',
  encode: fields => cborCodec.encode(fields),
  decode: bytes => cborCodec.decode(bytes) as Fields,
  payload: payload => ({ payload }),
}

export const jsonFramesDoor = (port: number): Door => envelopesDoor(port, json)
export const cborFramesDoor = (port: number): Door => envelopesDoor(port, cbor)

/** The sockets of one client: a path has a channel. */
class Sockets {
  readonly #port: number
  readonly #key: string
  readonly #subprotocol: string
  readonly #onMessage: (bytes: Uint8Array, webSocket: WebSocket) => void
  readonly #open: WebSocket[] = []

  constructor(
    port: number,
    key: string,
    subprotocol: string,
    onMessage: (bytes: Uint8Array, webSocket: WebSocket) => void,
  ) {
    this.#port = port
    this.#key = key
    this.#subprotocol = subprotocol
    this.#onMessage = onMessage
  }

  async open(path: string): Promise<WebSocket> {
    const headers = { authorization: `Thing ${this.#key}` }
    const webSocket = new WebSocket(`ws://127.0.0.1:${this.#port}/channels/${path}`, this.#subprotocol, { headers })
    this.#open.push(webSocket)
    webSocket.on('error', () => undefined)
    webSocket.on('message', (data: RawData) => this.#onMessage(new Uint8Array(data as Buffer), webSocket))
    await once(webSocket, 'open')
    return webSocket
  }

  close(): void {
    for (const webSocket of this.#open) webSocket.terminate()
  }
}

function envelopesDoor(port: number, format: Format): Door {
  return {
    name: format.name,
    protocol: 'websocket',
    says: ['contentType', 'expiresInSeconds'],
    acks: 'id',
    tells: ['topic', 'contentType', 'expiresInSeconds', 'publisher', 'id'],
    async open({ key }) {
      const heard: Heard[] = []
      const answers = new Map<unknown, (fields: Fields) => void>()
      const sockets = new Sockets(port, key, format.subprotocol, bytes => {
        const fields = format.decode(bytes)
        if (fields.type === 'message') heard.push(toHeard(fields))
        else answers.get(fields.id)?.(fields)
      })
      let count = 0
      const ask = (webSocket: WebSocket, fields: Fields) => {
        count += 1
        const answered = new Promise<Fields>(resolve => answers.set(count, resolve))
        webSocket.send(format.encode({ ...fields, id: count }))
        return answered
      }
      let publisher: WebSocket | undefined
      return {
        heard,
        async publish({ topic, payload, contentType, expiresInSeconds }: Said) {
          const [channel, ...subtopic] = topic.split('/')
          publisher ??= await sockets.open(`${channel}/messages`)
          const draft = { subtopic: subtopic.join('/'), contentType, properties: { expiresInSeconds } }
          const { type, messageId } = await ask(publisher, { type: 'publish', ...draft, ...format.payload(payload) })
          if (type !== 'ack') throw new Error('refused')
          return messageId as string
        },
        async listen(channel) {
          const webSocket = await sockets.open(`${channel}/messages`)
          return (await ask(webSocket, { type: 'subscribe', pattern: '#' })).type === 'ack'
        },
        close: () => sockets.close(),
      }
    },
  }
}

/** Payload in, payload out: its path says the rest, and nothing is answered. */
export function plainFramesDoor(port: number): Door {
  return {
    name: 'WebSocket, plain',
    protocol: 'websocket',
    says: [],
    acks: 'nothing',
    tells: [],
    async open({ key }) {
      const heard: Heard[] = []
      const sockets = new Sockets(port, key, 'thingmesh.plain.v1', payload => heard.push({ payload }))
      return {
        heard,
        async publish({ topic, payload }) {
          const [channel, ...subtopic] = topic.split('/')
          const webSocket = await sockets.open(`${channel}/messages/${subtopic.join('/')}`)
          webSocket.send(payload)
          // It is not read from any more behind what was sent.
          webSocket.close(1000)
          return undefined
        },
        async listen(channel) {
          const webSocket = await sockets.open(`${channel}/messages/%23`)
          // What shows that it listens is a last value.
          const message = once(webSocket, 'message').then(() => true)
          return Promise.race([message, once(webSocket, 'close').then(() => false)])
        },
        close: () => sockets.close(),
      }
    },
  }
}
