import { randomBytes } from 'node:crypto'
import { createSocket } from 'node:dgram'
import { on } from 'node:events'

const { HUB_HOST = '127.0.0.1', HUB_PORT = '5683', KEY = '', ACK_TIMEOUT_MS = '2000' } = process.env
const socket = createSocket('udp4')
const send = (bytes: Buffer): void => socket.send(bytes, Number(HUB_PORT), HUB_HOST)
let id = randomBytes(2).readUInt16BE()

/** RFC 7252, section 3.1: how far its number is from that of the one before, its length (here up to 268), its value. */
function option(delta: number, value: string): Buffer {
  const bytes = Buffer.from(value)
  const head = bytes.length < 13 ? [(delta << 4) | bytes.length] : [(delta << 4) | 13, bytes.length - 13]
  return Buffer.concat([Buffer.from(head), bytes])
}

/** A confirmable POST, sent until it is answered (section 4.2). Settles when the hub has it on disk. */
async function post(channel: string, subtopic: string, json: string): Promise<void> {
  id = (id + 1) & 0xffff
  const head = Buffer.from([0x44, 0x02, id >> 8, id & 0xff]) // version 1, CON, 4 bytes of token; POST; message id
  const token = randomBytes(4)
  const path = [option(11, 'c'), option(0, channel), option(0, subtopic)]
  const query = [option(1, '\x32'), option(3, `auth=${KEY}`)] // Content-Format 50, which is JSON; Uri-Query
  const request = Buffer.concat([head, token, ...path, ...query, Buffer.from([0xff]), Buffer.from(json)])
  let waitMs = Math.round(Number(ACK_TIMEOUT_MS) * (1 + Math.random() / 2))
  for (let tries = 0; tries < 5; tries++, waitMs *= 2) {
    send(request)
    const code = await answerTo(token, Buffer.from([0x60, 0, id >> 8, id & 0xff]), waitMs).catch(() => 0)
    if (code === 0x44) return // 2.04
    if (code !== 0) throw new Error(`the hub says ${code >> 5}.${String(code & 31).padStart(2, '0')}`)
  }
  throw new Error('the hub does not answer')
}

/** The code of the answer; rejects where none comes in time. One that is acknowledged first comes apart (section 5.2.2). */
async function answerTo(token: Buffer, acknowledgement: Buffer, waitMs: number): Promise<number> {
  for await (const [answer] of on(socket, 'message', { signal: AbortSignal.timeout(waitMs) })) {
    if (answer.equals(acknowledgement)) return answerTo(token, acknowledgement, 60_000)
    if (!answer.subarray(4, 8).equals(token)) continue
    if (answer[0] >> 4 === 4) send(Buffer.from([0x60, 0, ...answer.subarray(2, 4)])) // it is confirmable, too
    return answer[1]
  }
  return 0
}

for (let n = 0; n < 3; n++) await post('telemetry', 'esp', JSON.stringify({ n }))
console.log('stored')
socket.unref() // and not closed: what is on its way out goes out
