import { randomInt } from 'node:crypto'
import type { Socket } from 'node:dgram'
import { ThingmeshError } from '@thingmesh/core'
import { type CoapMessage, Code, decodeMessage, encodeEmpty, encodeMessage, noBytes } from '@thingmesh/core/coap'

/** A request, but for what the message layer makes of it. */
export type Outgoing = Pick<CoapMessage, 'code' | 'options' | 'payload'>

/** What comes under a token that is observed. `acknowledge` is to be called once, when the next may come. */
export type OnNotification = (message: CoapMessage, acknowledge: () => void) => void

interface Times {
  /** For an answer. */
  readonly timeoutMs: number
  /** To the first repetition. */
  readonly ackTimeoutMs: number
}

interface Pending {
  readonly token: string
  readonly messageId: number
  readonly resolve: (message: CoapMessage) => void
  readonly reject: (error: ThingmeshError) => void
  /** Its acknowledgement has come, so that the answer comes by itself. */
  isAcknowledged: boolean
  timer: NodeJS.Timeout | undefined
}

/** RFC 7252, section 4.8. */
const ackRandomFactor = 1.5
const retransmitMax = 4
/** Message ids of the hub that are remembered, so that what is sent again is not taken for news (section 4.5). */
const heardMax = 256

/**
 * A CoAP client's message layer over one socket (RFC 7252, section 4). Our own, because node-coap acknowledges a
 * notification before anybody has it, drops those that come in blocks, and takes a body for sent whose last block was
 * lost: see `test/node-coap.test.ts`.
 */
export class CoapEndpoint {
  readonly #socket: Socket
  readonly #times: Times
  readonly #pending = new Map<string, Pending>()
  readonly #observed = new Map<string, OnNotification>()
  /** By message id: whether what came was acknowledged. */
  readonly #heard = new Map<number, boolean>()
  #messageId = randomInt(0x1_0000)

  /** The socket is the caller's to close, after `close`. */
  constructor(socket: Socket, times: Times) {
    this.#socket = socket
    this.#times = times
    socket.on('message', datagram => this.#receive(datagram))
  }

  observe(token: Uint8Array, onNotification: OnNotification): void {
    this.#observed.set(toHex(token), onNotification)
  }

  forget(token: Uint8Array): void {
    this.#observed.delete(toHex(token))
  }

  /** Once, and nobody waits for an answer. */
  tell(type: 'confirmable' | 'non-confirmable', request: Outgoing, token: Uint8Array = noBytes): void {
    this.#send(encodeMessage({ ...request, type, messageId: this.#nextMessageId(), token }))
  }

  /** Settles with its answer, which may be in blocks. Rejects with `timeout` or `unavailable`, and the outcome `unknown`. */
  ask(request: Outgoing, token: Uint8Array): Promise<CoapMessage> {
    return new Promise((resolve, reject) => {
      const messageId = this.#nextMessageId()
      const bytes = encodeMessage({ ...request, type: 'confirmable', messageId, token })
      const pending: Pending = {
        token: toHex(token),
        messageId,
        resolve,
        reject,
        isAcknowledged: false,
        timer: undefined,
      }
      this.#pending.set(pending.token, pending)
      const { timeoutMs, ackTimeoutMs } = this.#times
      const startedAt = performance.now()
      let waitMs = ackTimeoutMs * (1 + (ackRandomFactor - 1) * Math.random())
      let sent = 0
      const turn = (): void => {
        const leftMs = startedAt + timeoutMs - performance.now()
        if (leftMs <= 0) {
          const text = `no answer from the hub within ${timeoutMs} ms`
          this.#settle(pending, () => reject(new ThingmeshError('timeout', text, { outcome: 'unknown' })))
          return
        }
        const isDue = !pending.isAcknowledged && sent <= retransmitMax
        if (isDue) this.#send(bytes)
        sent += 1
        pending.timer = setTimeout(turn, isDue ? Math.min(waitMs, leftMs) : leftMs)
        waitMs *= 2
      }
      turn()
    })
  }

  /** Whoever waits is told the reason. */
  close(reason: ThingmeshError): void {
    for (const pending of [...this.#pending.values()]) this.#settle(pending, () => pending.reject(reason))
    this.#observed.clear()
  }

  #settle(pending: Pending, settle: () => void): void {
    clearTimeout(pending.timer)
    if (this.#pending.get(pending.token) === pending) this.#pending.delete(pending.token)
    settle()
  }

  #receive(datagram: Uint8Array): void {
    let message: CoapMessage
    try {
      message = decodeMessage(datagram)
    } catch {
      // RFC 7252, section 4.2: it may be ignored, and the hub will say it again.
      return
    }
    if (message.code === Code.empty) this.#receiveEmpty(message)
    else if (message.code >= 0x40 && this.#isNews(message)) this.#receiveResponse(message)
  }

  #receiveEmpty({ type, messageId }: CoapMessage): void {
    // A ping (RFC 7252, section 4.3).
    if (type === 'confirmable') this.#send(encodeEmpty('reset', messageId))
    for (const pending of this.#pending.values()) {
      if (pending.messageId !== messageId) continue
      if (type === 'acknowledgement') pending.isAcknowledged = true
      if (type !== 'reset') return
      const error = new ThingmeshError('unavailable', 'the hub does not take the request', { outcome: 'unknown' })
      this.#settle(pending, () => pending.reject(error))
      return
    }
  }

  /** False for what came before; it is acknowledged again where it was. */
  #isNews({ type, messageId }: CoapMessage): boolean {
    if (type === 'acknowledgement') return true
    const known = this.#heard.get(messageId)
    if (known === true && type === 'confirmable') this.#send(encodeEmpty('acknowledgement', messageId))
    if (known !== undefined) return false
    this.#heard.set(messageId, false)
    const [oldest] = this.#heard.keys()
    if (this.#heard.size > heardMax && oldest !== undefined) this.#heard.delete(oldest)
    return true
  }

  #receiveResponse(message: CoapMessage): void {
    const { type, messageId } = message
    const token = toHex(message.token)
    const pending = this.#pending.get(token)
    const acknowledge = (): void => {
      if (type !== 'confirmable') return
      if (this.#heard.has(messageId)) this.#heard.set(messageId, true)
      this.#send(encodeEmpty('acknowledgement', messageId))
    }
    const onNotification = this.#observed.get(token)
    if (type === 'acknowledgement') {
      // An answer with its acknowledgement (RFC 7252, section 5.2.1); one that nobody waits for any more is nothing.
      if (pending?.messageId === messageId) this.#settle(pending, () => pending.resolve(message))
      return
    }
    // An answer apart, which under a token that is observed may as well be the next notification: it is taken for both,
    // and says as well that the hub observes.
    if (pending !== undefined) this.#settle(pending, () => pending.resolve(message))
    if (onNotification !== undefined) onNotification(message, acknowledge)
    else if (pending !== undefined) acknowledge()
    // RFC 7641, section 3.6: who does not observe any more says so by a reset.
    else this.#send(encodeEmpty('reset', messageId))
  }

  #send(bytes: Uint8Array): void {
    // What does not leave is as lost as what gets lost on its way; that nobody is there is an event of the socket.
    this.#socket.send(bytes, () => undefined)
  }

  #nextMessageId(): number {
    this.#messageId = (this.#messageId + 1) & 0xffff
    return this.#messageId
  }
}

function toHex(token: Uint8Array): string {
  return Buffer.from(token).toString('hex')
}
