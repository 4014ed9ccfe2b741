import { STATUS_CODES } from 'node:http'
import type { Socket } from 'node:net'
import { ThingmeshError } from '@thingmesh/core'
import type { Connection, Refusal } from './connections.ts'
import { errorReply } from './errors.ts'
import type { ResolvedListenerOptions } from './options.ts'
import type { Reply } from './reply.ts'

/** What to say to a peer over whose bytes the parser gave up. */
export function toClientError(
  error: NodeJS.ErrnoException,
  options: ResolvedListenerOptions,
): { readonly reason: Refusal; readonly reply: Reply } {
  if (error.code === 'HPE_HEADER_OVERFLOW') {
    const message = `header has more than ${options.headerBytesMax} bytes`
    return { reason: 'header-bytes', reply: errorReply(new ThingmeshError('too-large', message), 431) }
  }
  if (error.code === 'ERR_HTTP_REQUEST_TIMEOUT') {
    const message = `request was not complete after ${options.requestTimeoutMs} ms`
    return { reason: 'request-timeout', reply: errorReply(new ThingmeshError('timeout', message), 408) }
  }
  return { reason: 'malformed', reply: malformed() }
}

export function malformed(): Reply {
  return errorReply(new ThingmeshError('invalid-argument', 'malformed request'))
}

export function tooManyHeaders(max: number): Reply {
  return errorReply(new ThingmeshError('too-large', `request has more than ${max} header fields`), 431)
}

/**
 * Whether what the parser stumbled over is what would be answered next. Otherwise the answer would be taken for that to
 * an earlier request, or stand in the middle of it. A body that is late belongs to a request that is counted already.
 */
export function mayAnswer(socket: Socket, connection: Connection | undefined, reason: Refusal): boolean {
  if (!socket.writable || socket.bytesWritten !== connection?.written) return false
  return connection.requests <= (reason === 'request-timeout' ? 1 : 0)
}

/** For a connection on which the parser gave up, so that there is no response object to write to. */
export function endWith(socket: Socket, { status, headers, body }: Reply): void {
  const lines = Object.entries({ ...headers, connection: 'close', 'content-length': Buffer.byteLength(body ?? '') })
  const head = lines.map(([name, value]) => `${name}: ${value}\r\n`).join('')
  socket.end(`HTTP/1.1 ${status} ${STATUS_CODES[status]}\r\n${head}\r\n${body ?? ''}`)
}
