import { once } from 'node:events'
import { cborCodec } from '@thingmesh/core/cbor'
import { expect, onTestFinished, vi } from 'vitest'
import { type ClientOptions, type RawData, WebSocket } from 'ws'
import type { Store } from '../../../../src/contracts/index.ts'
import type { HubOptions } from '../../../../src/hub.ts'
import { httpListener } from '../../../../src/listeners/http/index.ts'
import type { MemoryConnection } from '../../../../src/listeners/memory/index.ts'
import { type MessageFramesOptions, messageFrames, webSockets } from '../../../../src/listeners/websocket/index.ts'
import { startHub, type TestHub, take, textOf } from '../../../support/hub.ts'

export interface FramesSite extends TestHub {
  readonly port: number
  readonly faults: readonly string[]
  /** Opens a WebSocket below `/channels/`, in the name of who has the key. */
  open(path: string, options?: DialOptions): Promise<FramePeer>
  /** Settles when so many sessions have begun, and subscribed to what they do on their own. */
  sessions(count: number): Promise<void>
  /** The session that has nothing to do with it still publishes and receives, and the hub has nothing to report. */
  expectUndisturbed(): Promise<void>
}

export interface DialOptions extends ClientOptions {
  readonly key?: string | undefined
  readonly subprotocols?: readonly string[]
}

export interface FramesSiteOptions {
  readonly frames?: MessageFramesOptions
  readonly origins?: readonly string[]
  readonly trustProxy?: boolean
  readonly store?: Store
  readonly hub?: Partial<HubOptions>
}

export const json = { subprotocols: ['thingmesh.json.v1'] }
export const cbor = { subprotocols: ['thingmesh.cbor.v1'] }

export async function startFrames(options: FramesSiteOptions = {}): Promise<FramesSite> {
  const { frames, origins, trustProxy = false, store, hub } = options
  const upgrade = webSockets({ routes: [messageFrames(frames)], ...(origins && { origins }) })
  const door = httpListener({ port: 0, upgrade, trustProxy })
  const faults: string[] = []
  const site = await startHub({
    ...hub,
    ...(store && { store }),
    listeners: [door],
    onFault: (error, { part }) => faults.push(`${part}: ${error.message}`),
  })
  const { port } = door.address!
  let bystander: MemoryConnection | undefined
  let count = 0
  return {
    ...site,
    port,
    faults,
    async open(path, options = {}) {
      const peer = dialFrames(port, path, options)
      await once(peer.webSocket, 'open')
      return peer
    },
    sessions: wanted => vi.waitFor(() => expect(site.counter('thingmesh_sessions')).toBe(wanted)),
    async expectUndisturbed() {
      if (bystander === undefined) {
        await site.hub.control.channels.create({ name: 'aside' })
        const { key } = await site.hub.control.things.create({ name: 'bystander' })
        const grant = { thing: 'bystander', channel: 'aside', actions: ['publish', 'subscribe'] as const }
        await site.hub.control.grants.create(grant)
        bystander = await site.connect(key.secret)
        await bystander.subscribe('aside/#')
      }
      count += 1
      await bystander.publish('aside/a', `still here ${count}`)
      expect((await take(bystander, 1)).map(textOf)).toEqual([`still here ${count}`])
      expect(faults).toEqual([])
    },
  }
}

export function dialFrames(port: number, path: string, { key, subprotocols = [], ...options }: DialOptions): FramePeer {
  const authorization = key === undefined ? {} : { authorization: `Thing ${key}` }
  const headers = { ...authorization, ...options.headers }
  const webSocket = new WebSocket(`ws://127.0.0.1:${port}/channels/${path}`, [...subprotocols], { ...options, headers })
  onTestFinished(() => webSocket.terminate())
  return new FramePeer(webSocket)
}

export interface Heard {
  readonly bytes: Buffer
  readonly isText: boolean
}

export type Fields = Record<string, unknown>

/** A raw client: what comes, in order, and how it ends. */
export class FramePeer {
  readonly webSocket: WebSocket
  readonly heard: Heard[] = []
  /** The code and the reason. */
  readonly end: Promise<readonly [number, string]>

  constructor(webSocket: WebSocket) {
    this.webSocket = webSocket
    webSocket.on('error', () => undefined)
    webSocket.on('message', (data: RawData, isBinary: boolean) => {
      this.heard.push({ bytes: data as Buffer, isText: !isBinary })
    })
    this.end = new Promise(resolve => {
      webSocket.on('close', (code, reason) => resolve([code, reason.toString()]))
    })
  }

  async next(): Promise<Heard> {
    await vi.waitFor(() => expect(this.heard.length).toBeGreaterThan(0), { timeout: 10_000, interval: 5 })
    return this.heard.shift()!
  }

  async texts(count: number): Promise<string[]> {
    const texts: string[] = []
    while (texts.length < count) texts.push((await this.next()).bytes.toString())
    return texts
  }

  get isCbor(): boolean {
    return this.webSocket.protocol === 'thingmesh.cbor.v1'
  }

  say(fields: Fields): void {
    this.webSocket.send(this.isCbor ? cborCodec.encode(fields) : JSON.stringify(fields))
  }

  async fields(): Promise<Fields> {
    const { bytes, isText } = await this.next()
    expect(isText).toBe(!this.isCbor)
    return { ...((this.isCbor ? cborCodec.decode(bytes) : JSON.parse(bytes.toString())) as Fields) }
  }

  /** Says it and takes the answer, which comes next. */
  async ask(fields: Fields): Promise<Fields> {
    this.say(fields)
    return this.fields()
  }

  async close(): Promise<void> {
    this.webSocket.close(1000)
    await this.end
  }
}
