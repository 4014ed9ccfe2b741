import { type ErrorCode, ThingmeshError } from '@thingmesh/core'

/** What a handler answers. Neither a `Response` nor a `ServerResponse`: each costs, and only one of them is needed. */
export interface Reply {
  readonly status: number
  /** Names in lower case. */
  readonly headers: Readonly<Record<string, string>>
  readonly body: string | Uint8Array<ArrayBuffer> | null
  /** Instead of a body: writes for as long as there is something to say and somebody to hear it. */
  readonly stream?: BodyStream
  /** Of a refusal. */
  readonly code?: ErrorCode
}

/**
 * Called once, whatever became of the caller meanwhile. `write` settles when there is room for more, and rejects with `canceled` once nobody
 * listens.
 */
export type BodyStream = (write: (text: string) => Promise<void>) => Promise<void>

export const jsonType = 'application/json'

/** On everything: answers hold data of one principal, and nobody shall guess at their type. */
const commonHeaders = { 'cache-control': 'no-store', 'x-content-type-options': 'nosniff' }

const jsonHeaders = { ...commonHeaders, 'content-type': jsonType }

export function jsonReply(status: number, value: unknown, headers?: Readonly<Record<string, string>>): Reply {
  const body = JSON.stringify(value)
  return { status, headers: headers === undefined ? jsonHeaders : { ...jsonHeaders, ...headers }, body }
}

export function bodyReply(
  status: number,
  contentType: string,
  body: string | Uint8Array<ArrayBuffer>,
  headers?: Readonly<Record<string, string>>,
): Reply {
  return { status, headers: { ...commonHeaders, 'content-type': contentType, ...headers }, body }
}

export function emptyReply(status: number, headers?: Readonly<Record<string, string>>): Reply {
  return { status, headers: { ...commonHeaders, ...headers }, body: null }
}

export function streamReply(contentType: string, stream: BodyStream): Reply {
  return { status: 200, headers: { ...commonHeaders, 'content-type': contentType }, body: null, stream }
}

export function toResponse({ status, headers, body, stream }: Reply): Response {
  return new Response(stream === undefined ? body : toReadable(stream), { status, headers })
}

function toReadable(stream: BodyStream): ReadableStream<Uint8Array> {
  const encoder = new TextEncoder()
  const { readable, writable } = new TransformStream<Uint8Array, Uint8Array>()
  const writer = writable.getWriter()
  const write = async (text: string): Promise<void> => {
    try {
      await writer.write(encoder.encode(text))
    } catch (cause) {
      throw new ThingmeshError('canceled', 'the caller went away', { cause })
    }
  }
  // What is left to be said to whoever went away, or of a stream that broke off, is that it is over.
  stream(write)
    .then(
      () => writer.close(),
      error => writer.abort(error),
    )
    .catch(() => undefined)
  return readable
}
