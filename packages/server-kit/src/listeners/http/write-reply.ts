import type { ServerResponse } from 'node:http'
import { ThingmeshError } from '@thingmesh/core'
import type { BodyStream, Reply } from './reply.ts'

/** Straight to the socket: a `Response` in between would cost as much as everything else. */
export function writeReply({ status, headers, body, stream }: Reply, outgoing: ServerResponse): void {
  if (stream !== undefined) writeStream(status, headers, stream, outgoing)
  else if (outgoing.headersSent || outgoing.destroyed) return
  else if (body === null) outgoing.writeHead(status, headers).end()
  else outgoing.writeHead(status, { ...headers, 'content-length': Buffer.byteLength(body) }).end(body)
}

function writeStream(status: number, headers: Reply['headers'], stream: BodyStream, outgoing: ServerResponse): void {
  const isDeaf = () => outgoing.destroyed || outgoing.writableEnded
  if (!outgoing.headersSent && !isDeaf()) {
    // A connection that was a stream's is nobody else's: the end of the one is the end of the other.
    outgoing.shouldKeepAlive = false
    outgoing.writeHead(status, headers)
    if (outgoing.req.method === 'HEAD') outgoing.end()
  }
  const write = async (text: string): Promise<void> => {
    if (!isDeaf() && !outgoing.write(text)) await drained(outgoing)
    if (isDeaf()) throw new ThingmeshError('canceled', 'the caller went away')
  }
  stream(write).then(
    () => outgoing.end(),
    // Nothing that could be said in the middle of a stream would be read as an error; a connection that breaks is.
    () => outgoing.destroy(),
  )
}

function drained(outgoing: ServerResponse): Promise<void> {
  return new Promise(resolve => {
    const done = () => {
      outgoing.off('drain', done)
      outgoing.off('close', done)
      resolve()
    }
    outgoing.on('drain', done)
    outgoing.on('close', done)
  })
}
