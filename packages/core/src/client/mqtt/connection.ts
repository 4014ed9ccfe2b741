import { matchesFilter } from '../../address/index.ts'
import { encodeToHub, FieldWriter, type FromHub, PacketStream, type ToHub } from '../../bindings/mqtt/client/index.ts'
import type { ConnackPacket, DisconnectPacket, PublishPacket, QoS } from '../../bindings/mqtt/index.ts'
import { subscriptionProperty } from '../../bindings/mqtt/user-properties.ts'
import { ThingmeshError } from '../../errors/index.ts'
import { notSent } from '../failure.ts'
import type { Published } from '../http.ts'
import { platform } from '../platform.ts'
import { deferred } from '../status.ts'
import type { Connection, OutgoingDraft, Settled, Subscribed, SubscribeRequest } from '../transport.ts'
import { toMessage, toPublish } from './mapping.ts'
import { errorFromReason } from './reasons.ts'
import type { SessionState } from './session-state.ts'
import type { Wire } from './wire.ts'

export interface ConnectionTerms {
  readonly keepAliveSeconds: number
  /** For every answer of the hub. */
  readonly timeoutMs: number
  /** Bytes that may wait on the wire before at-most-once publishes are refused. */
  readonly wireBytesMax: number
  readonly packetBytesMax: number
}

type Answer = Extract<FromHub, { type: 'puback' | 'suback' | 'unsuback' }>

type Question = Extract<ToHub, { readonly type: 'publish' | 'subscribe' | 'unsubscribe' }>

/** Called with what the hub answers, or with why there will be no answer. */
type Answered = (answer: Answer | undefined, error?: unknown) => void

interface Asked {
  readonly answered: Answered
  readonly sinceMs: number
}

/** Our own bound of what may be under way at once: well below the keys of one publisher that a hub remembers. */
export const inFlightMax = 512
/** What is under way at once before it is seen that more gets through, and at a hub that says nothing. */
const inFlightAtFirst = 64
/** Where an answer takes longer, more under way would not be answered sooner. */
const promptMs = 1_000

/** One MQTT 5 connection, from the CONNECT on. Knows no socket: bytes come in by `push`, and go out by the wire. */
export class MqttConnection implements Connection {
  readonly #wire: Wire
  readonly #state: SessionState
  readonly #terms: ConnectionTerms
  readonly #stream: PacketStream
  readonly #writer = new FieldWriter()
  /** By packet id: no more than ever were under way at once, because the lowest that is free is taken. */
  readonly #asked: (Asked | undefined)[] = []
  /** In the order they came, which is the order to acknowledge them in (MQTT-4.6.0-2). */
  readonly #toAcknowledge: { readonly packetId: number; taken: boolean }[] = []
  readonly #closed = deferred<ThingmeshError>()
  readonly #connack = deferred()
  #ended = false
  #sessionPresent = false
  #keepAliveMs: number
  #packetBytesMax = Number.POSITIVE_INFINITY
  #inFlightMax = inFlightAtFirst
  #receiveMaximum = inFlightAtFirst
  /** No packet id below it is free. */
  #freeFrom = 1
  #identifiers = true
  #heardAtMs = now()
  #answeredAtMs = now()
  #pingedAtMs: number | undefined
  #timer: unknown

  constructor(wire: Wire, state: SessionState, terms: ConnectionTerms) {
    this.#wire = wire
    this.#state = state
    this.#terms = terms
    this.#keepAliveMs = terms.keepAliveSeconds * 1000
    this.#stream = new PacketStream(terms.packetBytesMax)
    this.#tick()
  }

  /** Grows with each answer that is prompt, so that a slow network is not filled with what then is late. */
  get inFlightMax(): number {
    return Math.min(this.#inFlightMax, this.#receiveMaximum)
  }

  get closed(): Promise<ThingmeshError> {
    return this.#closed.promise
  }

  /** Settles when the hub has taken the CONNECT. Rejects with its refusal. */
  get accepted(): Promise<void> {
    return this.#connack.promise
  }

  push(bytes: Uint8Array): void {
    if (this.#ended) return
    this.#heardAtMs = now()
    this.#pingedAtMs = undefined
    try {
      this.#stream.push(bytes, packet => this.#receive(packet))
    } catch (error) {
      this.end(new ThingmeshError('unavailable', 'the hub sent what is not MQTT', { cause: error, outcome: 'unknown' }))
    }
  }

  async publish(draft: OutgoingDraft): Promise<Published> {
    if (draft.delivery === 'at-most-once') {
      this.#checkRoom()
      this.#send(toPublish(draft, 0))
      return {}
    }
    return promised(settled => this.send(draft, settled))
  }

  send(draft: OutgoingDraft, settled: Settled): void {
    try {
      this.#ask(toPublish(draft, this.#packetId), (answer, error) => {
        const refusal = answer === undefined ? error : refusalIn(answer)
        settled(refusal === undefined ? {} : undefined, refusal)
      })
    } catch (error) {
      Promise.resolve().then(() => settled(undefined, error))
    }
  }

  async subscribe(request: SubscribeRequest): Promise<Subscribed> {
    const { filter } = request
    // Before the answer: messages may come ahead of it (MQTT 5, section 3.8.4).
    const id = this.#state.route(request)
    const resumed = request.again && this.#sessionPresent
    const qos: QoS = 1
    const answer = await this.#answer({
      type: 'subscribe',
      packetId: this.#packetId,
      subscriptions: [{ filter, qos, retainHandling: resumed ? 1 : 0 }],
      properties: { subscriptionIdentifiers: this.#identifiers ? [id] : undefined },
    })
    const refusal = refusalIn(answer)
    const isNew = answer.properties?.userProperties?.[0]?.[0] === subscriptionProperty
    if (refusal === undefined) return { resumed: resumed && !isNew }
    this.#state.forget(filter)
    throw refusal
  }

  async unsubscribe(filter: string): Promise<void> {
    this.#state.forget(filter)
    await this.#answer({ type: 'unsubscribe', packetId: this.#packetId, filters: [filter] })
  }

  check(): void {
    if (this.#pingedAtMs === undefined) this.#ping()
  }

  async close(forGood: boolean): Promise<void> {
    if (this.#ended) return
    // MQTT 5, section 3.14.2.2.2: expiry 0 ends the session with the connection.
    const properties = forGood ? { sessionExpiryInterval: 0 } : {}
    this.#send({ type: 'disconnect', reasonCode: 0, properties })
    this.#wire.end()
    this.end(new ThingmeshError('canceled', 'the connection was closed here', { outcome: 'unknown' }), true)
  }

  /** The connection is over. Whoever waits for an answer learns that only the hub knows. */
  end(reason: ThingmeshError, politely = false): void {
    if (this.#ended) return
    this.#ended = true
    platform().clearTimeout(this.#timer)
    if (!politely) this.#wire.destroy()
    const { code, message } = reason
    const unknown = new ThingmeshError(code === 'timeout' ? code : 'unavailable', message, {
      cause: reason,
      outcome: 'unknown',
    })
    for (const asked of this.#asked.splice(0)) asked?.answered(undefined, unknown)
    this.#connack.reject(reason)
    this.#closed.resolve(reason)
  }

  #receive(packet: FromHub): void {
    switch (packet.type) {
      case 'connack':
        this.#receiveConnack(packet)
        break
      case 'publish':
        this.#receivePublish(packet)
        break
      case 'disconnect':
        this.end(errorFromDisconnect(packet))
        break
      case 'pingresp':
        break
      default:
        this.#receiveAnswer(packet)
    }
  }

  /** At once, for what follows it in the same bytes goes by it. */
  #receiveConnack({ reasonCode, sessionPresent, properties = {} }: ConnackPacket): void {
    if (reasonCode >= 0x80) {
      this.end(errorFromReason(reasonCode, properties))
      return
    }
    this.#sessionPresent = sessionPresent
    // Without a session the hub sends nothing again, and its packet ids begin anew.
    if (!sessionPresent) this.#state.unacknowledged.clear()
    this.#state.established = true
    this.#receiveMaximum = Math.min(inFlightMax, properties.receiveMaximum ?? inFlightAtFirst)
    this.#packetBytesMax = properties.maximumPacketSize ?? this.#packetBytesMax
    this.#identifiers = properties.subscriptionIdentifiersAvailable !== false
    if (properties.serverKeepAlive !== undefined) this.#keepAliveMs = properties.serverKeepAlive * 1000
    this.#connack.resolve()
  }

  #receiveAnswer(answer: Answer): void {
    const { packetId } = answer
    const asked = this.#asked[packetId]
    if (asked === undefined) return
    this.#asked[packetId] = undefined
    this.#freeFrom = Math.min(this.#freeFrom, packetId)
    this.#answeredAtMs = now()
    const isPrompt = this.#answeredAtMs - asked.sinceMs < promptMs
    this.#inFlightMax = isPrompt ? this.#inFlightMax + 1 : inFlightAtFirst
    asked.answered(answer)
  }

  #receivePublish(packet: PublishPacket): void {
    const { packetId, qos, properties } = packet
    const { unacknowledged } = this.#state
    const known = qos === 0 ? undefined : this.#state.repeated(packet)
    const ids = this.#identifiers ? properties?.subscriptionIdentifiers : undefined
    const taken = known?.taken ?? this.#state.deliver(toMessage(packet), ids, matchesFilter)
    if (qos === 0) return
    if (known === undefined)
      unacknowledged.set(packetId, { topic: packet.topic, payload: Uint8Array.from(packet.payload), taken })
    const pending = { packetId, taken: false }
    this.#toAcknowledge.push(pending)
    taken.then(() => {
      pending.taken = true
      this.#acknowledge()
    })
  }

  #acknowledge(): void {
    while (!this.#ended && this.#toAcknowledge[0]?.taken === true) {
      const { packetId } = this.#toAcknowledge.shift()!
      this.#state.unacknowledged.delete(packetId)
      this.#send({ type: 'puback', packetId })
    }
  }

  /** With the next packet id. */
  #ask(packet: Question, answered: Answered): void {
    this.#checkLive()
    this.#send(packet)
    this.#asked[packet.packetId] = { answered, sinceMs: now() }
  }

  #answer(packet: Question): Promise<Answer> {
    return promised(answered => this.#ask(packet, answered))
  }

  /** Throws `too-large`, as `not-sent`, what the hub would end the connection for. */
  #send(packet: ToHub): void {
    if (this.#ended) return
    const bytes = notSent(() => encodeToHub(packet, this.#writer))
    if (bytes.length > this.#packetBytesMax) {
      const text = `packet of ${bytes.length} bytes, the limit is ${this.#packetBytesMax}`
      throw new ThingmeshError('too-large', text, { outcome: 'not-sent' })
    }
    this.#wire.send(bytes)
  }

  #checkLive(): void {
    if (this.#ended) throw new ThingmeshError('unavailable', 'the connection is over', { outcome: 'not-sent' })
  }

  #checkRoom(): void {
    this.#checkLive()
    const { bufferedBytes } = this.#wire
    const { wireBytesMax } = this.#terms
    if (bufferedBytes <= wireBytesMax) return
    const text = `${bufferedBytes} bytes wait on the connection, the limit is ${wireBytesMax}`
    throw new ThingmeshError('rate-limited', text, { outcome: 'not-sent' })
  }

  /** The lowest packet id that is free. It is taken when the packet is sent. */
  get #packetId(): number {
    while (this.#asked[this.#freeFrom] !== undefined) this.#freeFrom++
    return this.#freeFrom
  }

  #ping(): void {
    this.#pingedAtMs = now()
    this.#send({ type: 'pingreq' })
  }

  /**
   * One timer for all that can be late: of many that are under way the last may wait long, so nothing is late while others are
   * answered. What is silent for half the keep-alive is asked whether it still lives.
   */
  #tick(): void {
    const { timeoutMs } = this.#terms
    const late = (sinceMs: number | undefined): boolean => sinceMs !== undefined && now() - sinceMs >= timeoutMs
    const unanswered = late(this.#answeredAtMs) && this.#asked.some(asked => late(asked?.sinceMs))
    if (late(this.#pingedAtMs) || unanswered) {
      this.end(new ThingmeshError('timeout', `no answer from the hub within ${timeoutMs} ms`, { outcome: 'unknown' }))
      return
    }
    if (this.#keepAliveMs > 0 && this.#pingedAtMs === undefined && now() - this.#heardAtMs >= this.#keepAliveMs / 2) {
      this.#ping()
    }
    const everyMs = Math.min(1_000, timeoutMs / 4, this.#keepAliveMs / 4 || 1_000)
    this.#timer = platform().setTimeout(() => this.#tick(), everyMs)
  }
}

/** What calls back with a value, or else with an error, as a promise. */
function promised<Value>(call: (back: (value: Value | undefined, error?: unknown) => void) => void): Promise<Value> {
  return new Promise((resolve, reject) => {
    call((value, error) => (value === undefined ? reject(error) : resolve(value)))
  })
}

function now(): number {
  return platform().performance.now()
}

function refusalIn(answer: Answer): ThingmeshError | undefined {
  const reasonCode = answer.type === 'puback' ? answer.reasonCode : (answer.reasonCodes[0] ?? 0x80)
  if (reasonCode < 0x80) return undefined
  return errorFromReason(reasonCode, answer.properties)
}

function errorFromDisconnect({ reasonCode, properties }: DisconnectPacket): ThingmeshError {
  if (reasonCode >= 0x80) return errorFromReason(reasonCode, properties)
  return new ThingmeshError('unavailable', 'the hub closed the connection', { outcome: 'unknown' })
}
