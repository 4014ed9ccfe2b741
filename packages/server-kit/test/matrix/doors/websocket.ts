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

/** A WebSocket, and its end. */
interface Line {
  readonly webSocket: WebSocket
  readonly closed: Promise<undefined>
}

/** Those of one client: a path has a channel. */
class Lines {
  readonly #port: number
  readonly #key: string
  readonly #subprotocol: string
  readonly #onMessage: (bytes: Uint8Array) => void
  /** What ended them. */
  readonly told: string[] = []
  readonly #open: WebSocket[] = []

  constructor(port: number, key: string, subprotocol: string, onMessage: (bytes: Uint8Array) => void) {
    this.#port = port
    this.#key = key
    this.#subprotocol = subprotocol
    this.#onMessage = onMessage
  }

  /** Levels are encoded: what they say is data. */
  async open(channel: string, subtopic: readonly string[] = []): Promise<Line> {
    const headers = { authorization: `Thing ${this.#key}` }
    const path = [channel, 'messages', ...subtopic].map(encodeURIComponent).join('/')
    const webSocket = new WebSocket(`ws://127.0.0.1:${this.#port}/channels/${path}`, this.#subprotocol, { headers })
    this.#open.push(webSocket)
    webSocket.on('error', () => undefined)
    webSocket.on('message', (data: RawData) => this.#onMessage(new Uint8Array(data as Buffer)))
    webSocket.on('close', (code, reason) => this.told.push(`${code} ${reason}`))
    const closed = once(webSocket, 'close').then(() => undefined)
    await once(webSocket, 'open')
    return { webSocket, closed }
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
      const lines = new Lines(port, key, format.subprotocol, bytes => {
        const fields = format.decode(bytes)
        if (fields.type === 'message') heard.push(toHeard(fields))
        else if (fields.id === undefined) lines.told.push(`${fields.pattern} ${fields.code} ${fields.message}`)
        else answers.get(fields.id)?.(fields)
      })
      let count = 0
      const ask = ({ webSocket, closed }: Line, fields: Fields): Promise<Fields | undefined> => {
        count += 1
        const answered = new Promise<Fields>(resolve => answers.set(count, resolve))
        webSocket.send(format.encode({ ...fields, id: count }))
        return Promise.race([answered, closed])
      }
      let publisher: Line | undefined
      return {
        heard,
        told: lines.told,
        async publish({ topic, payload, contentType, expiresInSeconds }: Said) {
          const [channel, ...subtopic] = topic.split('/')
          publisher ??= await lines.open(channel!)
          const draft = { subtopic: subtopic.join('/'), contentType, properties: { expiresInSeconds } }
          const answer = await ask(publisher, { type: 'publish', ...draft, ...format.payload(payload) })
          if (answer?.type !== 'ack') throw new Error('refused')
          return answer.messageId as string
        },
        async listen(channel) {
          return (await ask(await lines.open(channel), { type: 'subscribe', pattern: '#' }))?.type === 'ack'
        },
        close: () => lines.close(),
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
      const lines = new Lines(port, key, 'thingmesh.plain.v1', payload => heard.push({ payload }))
      return {
        heard,
        told: lines.told,
        async publish({ topic, payload }) {
          const [channel, ...subtopic] = topic.split('/')
          const { webSocket, closed } = await lines.open(channel!, subtopic)
          webSocket.send(payload)
          // Read is what was sent before; and where it is refused, the hub's close is on its way.
          webSocket.close(1000)
          return closed
        },
        async listen(channel) {
          const { webSocket, closed } = await lines.open(channel, ['#'])
          // What shows that it listens is a last value.
          return Promise.race([once(webSocket, 'message').then(() => true), closed.then(() => false)])
        },
        close: () => lines.close(),
      }
    },
  }
}
