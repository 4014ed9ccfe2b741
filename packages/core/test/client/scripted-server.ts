import { createServer, type IncomingMessage, type ServerResponse } from 'node:http'
import type { AddressInfo } from 'node:net'

export interface SeenRequest {
  readonly method: string
  readonly path: string
  readonly query: URLSearchParams
  readonly authorization: string | undefined
  readonly contentType: string | undefined
  readonly headers: IncomingMessage['headers']
  readonly body: Buffer
}

export interface Answer {
  readonly status?: number
  readonly json?: unknown
  readonly text?: string
  readonly headers?: Record<string, string>
  /** Break the connection in place of an answer. */
  readonly hangUp?: boolean
  /** Never answer. */
  readonly silent?: boolean
}

export interface ScriptedServer extends AsyncDisposable {
  readonly url: string
  readonly seen: readonly SeenRequest[]
}

/** A server that answers as it is told: the far side of the client's tests. */
export async function scriptedServer(answer: (request: SeenRequest, index: number) => Answer): Promise<ScriptedServer> {
  const seen: SeenRequest[] = []
  const server = createServer(async (incoming, outgoing) => {
    const request = await readRequest(incoming)
    seen.push(request)
    write(outgoing, answer(request, seen.length - 1))
  })
  await new Promise<void>(resolve => server.listen(0, '127.0.0.1', resolve))
  const { port } = server.address() as AddressInfo
  return {
    url: `http://127.0.0.1:${port}`,
    seen,
    async [Symbol.asyncDispose]() {
      const closed = new Promise(resolve => server.close(resolve))
      server.closeAllConnections()
      await closed
    },
  }
}

async function readRequest(incoming: IncomingMessage): Promise<SeenRequest> {
  const chunks: Buffer[] = []
  for await (const chunk of incoming) chunks.push(chunk as Buffer)
  const [path = '', query = ''] = (incoming.url ?? '').split('?')
  return {
    method: incoming.method ?? '',
    path,
    query: new URLSearchParams(query),
    authorization: incoming.headers.authorization,
    contentType: incoming.headers['content-type'],
    headers: incoming.headers,
    body: Buffer.concat(chunks),
  }
}

function write(outgoing: ServerResponse, answer: Answer): void {
  if (answer.silent === true) return
  if (answer.hangUp === true) {
    outgoing.destroy()
    return
  }
  outgoing.writeHead(answer.status ?? 200, answer.headers)
  outgoing.end(answer.text ?? (answer.json === undefined ? '' : JSON.stringify(answer.json)))
}

export function wireMessage(sequence: number, fields: Record<string, unknown> = {}): Record<string, unknown> {
  return {
    id: `hub.epoch.${sequence}`,
    cursor: `c${sequence}`,
    channel: 'telemetry',
    subtopic: 'room1',
    topic: 'telemetry/room1',
    publisher: 'thing:0123',
    protocol: 'mqtt',
    acceptedAt: '2026-11-23T10:00:00.000Z',
    contentType: 'application/json',
    delivery: 'at-least-once',
    payload: { n: sequence },
    encoding: 'json',
    ...fields,
  }
}

/** What a promise rejected with. */
export async function rejection(promise: Promise<unknown>): Promise<unknown> {
  try {
    await promise
  } catch (error) {
    return error
  }
  throw new Error('the promise was expected to reject')
}
