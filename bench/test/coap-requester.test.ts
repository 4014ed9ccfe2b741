import { describe, expect, it } from 'vitest'
import { ACK, CHANGED, CON, CONTENT, encodeEmpty, messageIdOf, NON, RST, typeOf } from '../load/coap/datagrams.ts'
import { type RequestBook, Requester } from '../load/coap/requester.ts'
import { payloadOf } from '../load/frames.ts'

const payload = payloadOf(0, 64)

/** An endpoint whose other end is the test. */
class TestEndpoint {
  readonly sent: Buffer[] = []
  onDatagram: (datagram: Buffer) => void = () => {}
  #messageId = 0

  takeMessageId(): number {
    return ++this.#messageId
  }

  send(datagram: Uint8Array): void {
    this.sent.push(Buffer.from(datagram))
  }
}

function start(method: 'get' | 'post', inFlight = 1) {
  const endpoint = new TestEndpoint()
  const book: RequestBook = { answered: 0, latency: undefined }
  const expectedCode = method === 'get' ? CONTENT : CHANGED
  const spec = { path: ['c', 'bench', '0'], query: ['auth=x'] }
  const requester = new Requester({ endpoint, spec, method, payload, expectedCode, inFlight, book })
  requester.start()
  return { endpoint, book, requester }
}

/** What a server answers to a request. */
function answerTo(request: Buffer, change: { type?: number; code?: number; body?: Buffer; messageId?: number } = {}) {
  const { type = ACK, code = CONTENT, body = payload, messageId = messageIdOf(request) } = change
  const head = Buffer.from([0x44 | (type << 4), code, messageId >> 8, messageId & 0xff])
  return Buffer.concat([head, request.subarray(4, 8), ...(body.length > 0 ? [Buffer.from([0xff]), body] : [])])
}

const nothing = Buffer.alloc(0)

describe('a requester', () => {
  it('asks for the next when one is answered, and counts what is as it should be', () => {
    const { endpoint, book, requester } = start('get', 2)
    expect(endpoint.sent).toHaveLength(2)
    endpoint.onDatagram(answerTo(endpoint.sent[1]!))
    endpoint.onDatagram(answerTo(endpoint.sent[0]!, { type: NON, messageId: 999 }))
    expect(endpoint.sent).toHaveLength(4)
    expect(book.answered).toBe(2)
    requester.stop()
    for (const request of endpoint.sent.slice(2)) endpoint.onDatagram(answerTo(request))
    expect(requester.isIdle).toBe(true)
    expect(requester.tally).toMatchObject({ sent: 4, answered: 4, lost: 0, refused: 0, duplicated: 0, corrupt: 0 })
  })

  it('sends what is not answered again, and gives it up when it was sent five times', () => {
    const { endpoint, requester } = start('post')
    const [first] = endpoint.sent
    let nowMs = performance.now()
    for (const waitMs of [2_000, 4_000, 8_000, 16_000]) {
      nowMs += waitMs + 1
      requester.look(nowMs)
    }
    expect(endpoint.sent).toEqual([first, first, first, first, first])
    requester.stop()
    requester.look(nowMs + 32_001)
    expect(requester.tally).toMatchObject({ sent: 1, resent: 4, lost: 1, answered: 0 })
    expect(requester.isIdle).toBe(true)
  })

  it('waits for an answer that comes apart without sending again, and acknowledges it', () => {
    const { endpoint, requester, book } = start('post')
    const [request] = endpoint.sent
    endpoint.onDatagram(encodeEmpty(ACK, messageIdOf(request!)))
    requester.look(performance.now() + 2_001)
    expect(endpoint.sent).toHaveLength(1)
    requester.stop()
    endpoint.onDatagram(answerTo(request!, { type: CON, code: CHANGED, body: nothing, messageId: 77 }))
    expect(endpoint.sent.slice(1)).toEqual([encodeEmpty(ACK, 77)])
    expect(book.answered).toBe(1)
  })

  it('sees answers that come twice, are refusals, or are to another request', () => {
    const { endpoint, requester, book } = start('get')
    const [request] = endpoint.sent
    endpoint.onDatagram(answerTo(request!))
    endpoint.onDatagram(answerTo(request!))
    endpoint.onDatagram(answerTo(endpoint.sent[1]!, { code: 0x81 }))
    endpoint.onDatagram(encodeEmpty(RST, messageIdOf(endpoint.sent[2]!)))
    endpoint.onDatagram(answerTo(endpoint.sent[3]!, { messageId: 999 }))
    expect(requester.tally).toMatchObject({ duplicated: 1, refused: 2, corrupt: 1 })
    expect(book.answered).toBe(1)
  })

  it('sees a payload that is not what was put', () => {
    const { endpoint, requester } = start('get')
    const changed = Buffer.from(payload)
    changed[60]! ^= 1
    endpoint.onDatagram(answerTo(endpoint.sent[0]!, { body: changed }))
    endpoint.onDatagram(answerTo(endpoint.sent[1]!, { body: payload.subarray(1) }))
    expect(requester.tally.corrupt).toBe(2)
  })

  it('answers a ping, and stays where it is', () => {
    const { endpoint } = start('get')
    endpoint.onDatagram(encodeEmpty(CON, 5))
    expect(endpoint.sent).toHaveLength(2)
    expect([typeOf(endpoint.sent[1]!), messageIdOf(endpoint.sent[1]!)]).toEqual([RST, 5])
  })
})
