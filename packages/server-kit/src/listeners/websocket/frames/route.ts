import type {
  Dialect,
  ListenerContext,
  WebSocketConnection,
  WebSocketHandler,
  WebSocketOpening,
  WebSocketRoute,
} from '../../../contracts/index.ts'
import { FramesConnections, type Speaker } from './connections.ts'
import { EnvelopeSpeech } from './envelope.ts'
import { cborFormat, type Format, jsonFormat } from './format.ts'
import { type MessageFramesOptions, resolveFramesOptions } from './options.ts'
import { PlainSpeech } from './plain.ts'
import { isDialectPath, isMessagesPath } from './target.ts'

/** The version is that of what is said in them. */
const formats: ReadonlyMap<string, Format> = new Map([
  ['thingmesh.json.v1', jsonFormat],
  ['thingmesh.cbor.v1', cborFormat],
])
/** What no subprotocol is too, for browsers, which end a connection on which none of those offered is agreed. */
const plain = 'thingmesh.plain.v1'

/**
 * Messages as frames, at `/channels/{channel}/messages` and below it, for `webSockets({ routes })`: payloads alone, or with a subprotocol in
 * envelopes of JSON or CBOR. `docs/protocol/websocket.md` has them all.
 */
export function messageFrames(options: MessageFramesOptions = {}): WebSocketRoute {
  return new MessageFrames(options)
}

class MessageFrames implements WebSocketRoute {
  readonly path: string
  readonly subprotocols = [...formats.keys(), plain]
  readonly subprotocolOptional = true
  readonly takesText = true
  readonly messageBytesMax: number
  readonly unprovenBytesMax: number
  readonly #dialects: readonly Dialect[]
  readonly #connections: FramesConnections

  constructor(options: MessageFramesOptions) {
    const limits = resolveFramesOptions(options)
    this.path = limits.path
    this.#dialects = limits.dialects
    this.messageBytesMax = limits.frameBytesMax
    this.unprovenBytesMax = limits.unprovenBytesMax
    this.#connections = new FramesConnections(limits, speaker)
  }

  isAt(path: string): boolean {
    return isMessagesPath(this.path, path) || isDialectPath(this.#dialects, path)
  }

  start(context: ListenerContext, door: string): void {
    this.#connections.start(context, door)
  }

  stop(): void {
    this.#connections.stop()
  }

  accept(connection: WebSocketConnection, opening: WebSocketOpening): WebSocketHandler | undefined {
    return this.#connections.accept(connection, opening)
  }
}

const speaker: Speaker = (limits, counters) => (subprotocol, line, target) => {
  const format = formats.get(subprotocol)
  return format === undefined
    ? new PlainSpeech(line, target)
    : new EnvelopeSpeech(line, { format, target, limits, counters })
}
