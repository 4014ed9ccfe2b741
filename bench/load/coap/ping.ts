import { createSocket } from 'node:dgram'
import { setTimeout as delay } from 'node:timers/promises'
import { CON, encodeEmpty } from './datagrams.ts'

const PING_EVERY_MS = 20

/** Settles when something answers a CoAP ping (RFC 7252, section 4.3). Throws when nothing does. */
export async function awaitPong(host: string, port: number, timeoutMs: number): Promise<void> {
  const socket = createSocket('udp4')
  let isThere = false
  socket.on('message', () => {
    isThere = true
  })
  // Nobody listens yet.
  socket.on('error', () => {})
  const endMs = performance.now() + timeoutMs
  try {
    for (let messageId = 1; !isThere && performance.now() < endMs; messageId++) {
      socket.send(encodeEmpty(CON, messageId), port, host)
      await delay(PING_EVERY_MS)
    }
    if (!isThere) throw new Error(`does not answer a ping after ${timeoutMs} ms`)
  } finally {
    socket.close()
  }
}
