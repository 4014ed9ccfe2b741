import {
  type Connection,
  matchesFilter,
  type OutgoingDraft,
  type Published,
  type Subscribed,
  type SubscribeRequest,
  ThingmeshError,
} from '@thingmesh/core'
import { encodePacket, ReasonCode, subscriptionProperty } from '@thingmesh/core/mqtt'
import { errorFromReason, type SessionState, toMessage, toPublish } from '@thingmesh/core/mqtt-client'
import type { ClientSubscribeCallback, IConnackPacket, IPublishPacket, MqttClient } from 'mqtt'
import { fromJsPublish, fromJsReason, type JsReason, toJsProperties } from './mapping.ts'

export interface JsTerms {
  readonly level: 4 | 5
  readonly timeoutMs: number
}

interface Pending {
  readonly sinceMs: number
  readonly reject: (error: ThingmeshError) => void
}

/** What a hub may be asked at once that was not asked for more, as our own session does. */
const inFlightMax = 64
/** How long a connection that was ended may take to go. */
const lingerMs = 1_000

/** One connection of MQTT.js, which neither reconnects nor keeps anything. */
export class MqttJsConnection implements Connection {
  readonly closed: Promise<ThingmeshError>
  readonly #client: MqttClient
  readonly #state: SessionState
  readonly #terms: JsTerms
  readonly #pending = new Set<Pending>()
  /** In the order they came, which is the order to acknowledge them in (MQTT-4.6.0-2). */
  readonly #toAcknowledge: { readonly packetId: number; taken: boolean }[] = []
  readonly #timer: NodeJS.Timeout
  #resolveClosed!: (reason: ThingmeshError) => void
  #connack: IConnackPacket | undefined
  #ended = false

  constructor(client: MqttClient, state: SessionState, terms: JsTerms) {
    this.#client = client
    this.#state = state
    this.#terms = terms
    this.closed = new Promise(resolve => {
      this.#resolveClosed = resolve
    })
    client.on('packetreceive', packet => {
      if (packet.cmd === 'connack') this.#receiveConnack(packet)
      if (packet.cmd === 'publish') this.#receivePublish(packet)
    })
    client.on('disconnect', ({ reasonCode = 0, properties }) => {
      if (reasonCode >= 0x80) this.end(errorFromReason(reasonCode, fromJsReason(properties)))
    })
    client.on('close', () => this.end(lost()))
    this.#timer = setInterval(() => this.#endWhatIsLate(), terms.timeoutMs / 4)
    this.#timer.unref()
  }

  get inFlightMax(): number {
    return Math.min(inFlightMax, this.#connack?.properties?.receiveMaximum ?? inFlightMax)
  }

  async publish(draft: OutgoingDraft): Promise<Published> {
    this.#checkLive()
    if (this.#terms.level === 4) checkPlain(draft)
    const packet = toPublish(draft, 1)
    this.#checkSize(packet)
    const { topic, qos, retain } = packet
    const payload = Buffer.from(packet.payload.buffer, packet.payload.byteOffset, packet.payload.length)
    const options = { qos, retain, properties: this.#terms.level === 5 ? toJsProperties(packet.properties) : undefined }
    const sent = this.#asked(done => this.#client.publish(topic, payload, options, done))
    // MQTT.js tells of QoS 0 when it has left; nobody waits for that.
    if (qos === 0) sent.catch(() => undefined)
    else await sent
    return {}
  }

  async subscribe(request: SubscribeRequest): Promise<Subscribed> {
    this.#checkLive()
    const { filter } = request
    // Before the answer: messages may come ahead of it (MQTT 5, section 3.8.4).
    const subscriptionIdentifier = this.#state.route(request)
    const resumed = request.again && this.#connack?.sessionPresent === true
    const rh = resumed ? 1 : 0
    const properties = this.#hasIdentifiers ? { subscriptionIdentifier } : {}
    try {
      let suback: Parameters<ClientSubscribeCallback>[2]
      await this.#asked(done =>
        this.#client.subscribe(filter, { qos: 1, rh, properties }, (error, _granted, packet) => {
          suback = packet
          done(error)
        }),
      )
      return { resumed: resumed && suback?.properties?.userProperties?.[subscriptionProperty] === undefined }
    } catch (error) {
      this.#state.forget(filter)
      throw error
    }
  }

  async unsubscribe(filter: string): Promise<void> {
    this.#checkLive()
    this.#state.forget(filter)
    await this.#asked(done => this.#client.unsubscribe(filter, done))
  }

  check(): void {
    this.#client.sendPing()
  }

  async close(forGood: boolean): Promise<void> {
    if (this.#ended) return
    this.end(new ThingmeshError('canceled', 'the connection was closed here', { outcome: 'unknown' }), true)
    // It would wait for what is not acknowledged; those who did have been told.
    for (const id of Object.keys(this.#client.outgoing)) this.#client.removeOutgoingMessage(Number(id))
    const { stream } = this.#client
    setTimeout(() => stream.destroy(), lingerMs).unref()
    // MQTT 5, section 3.14.2.2.2: expiry 0 ends the session with the connection.
    this.#client.end(false, { reasonCode: 0, properties: forGood ? { sessionExpiryInterval: 0 } : {} })
  }

  /** The connection is over. Whoever waits for an answer learns that only the hub knows. */
  end(reason: ThingmeshError, politely = false): void {
    if (this.#ended) return
    this.#ended = true
    clearInterval(this.#timer)
    const { code, message } = reason
    const told = { cause: reason, outcome: 'unknown' } as const
    const unknown = new ThingmeshError(code === 'timeout' ? code : 'unavailable', message, told)
    for (const { reject } of this.#pending) reject(unknown)
    this.#pending.clear()
    if (!politely) this.#client.end(true)
    this.#resolveClosed(reason)
  }

  get #hasIdentifiers(): boolean {
    return this.#terms.level === 5 && this.#connack?.properties?.subscriptionIdentifiersAvailable !== false
  }

  #receiveConnack(connack: IConnackPacket): void {
    if ((connack.reasonCode ?? connack.returnCode ?? 0) !== 0) return
    this.#connack = connack
    // Without a session the hub sends nothing again, and its packet ids begin anew.
    if (!connack.sessionPresent) this.#state.unacknowledged.clear()
    this.#state.established = true
  }

  /**
   * MQTT.js acknowledges when its own listeners have returned, or has everything behind a message wait for it, answers to pings too.
   * So it is told that this is QoS 0, which it acknowledges not at all, and the acknowledgement is ours.
   */
  #receivePublish(packet: IPublishPacket): void {
    const publish = fromJsPublish(packet)
    const { packetId, qos, topic, payload } = publish
    packet.qos = 0
    const known = qos === 0 ? undefined : this.#state.repeated(publish)
    const ids = this.#hasIdentifiers ? publish.properties?.subscriptionIdentifiers : undefined
    const taken = known?.taken ?? this.#state.deliver(toMessage(publish), ids, matchesFilter)
    if (qos === 0) return
    if (known === undefined) {
      this.#state.unacknowledged.set(packetId, { topic, payload: Uint8Array.from(payload), taken })
    }
    const pending = { packetId, taken: false }
    this.#toAcknowledge.push(pending)
    void taken.then(() => {
      pending.taken = true
      this.#acknowledge()
    })
  }

  #acknowledge(): void {
    while (!this.#ended && this.#toAcknowledge[0]?.taken === true) {
      const { packetId } = this.#toAcknowledge.shift()!
      this.#state.unacknowledged.delete(packetId)
      this.#client.stream.write(Buffer.from(encodePacket({ type: 'puback', packetId, reasonCode: 0 }, 5)))
    }
  }

  /** Rejects with the hub's refusal, or with why there will be no answer. */
  #asked(ask: (done: (error?: unknown) => void) => void): Promise<void> {
    return new Promise((resolve, reject) => {
      const pending: Pending = { sinceMs: performance.now(), reject }
      this.#pending.add(pending)
      ask(error => {
        if (!this.#pending.delete(pending)) return
        if (error === undefined || error === null) resolve()
        else reject(this.#errorOf(error))
      })
    })
  }

  /** MQTT 3.1.1 has one code for whatever a SUBACK refuses (section 3.9.3), and mostly it is that one may not. */
  #errorOf(error: unknown): ThingmeshError {
    const refused = errorOf(error)
    if (this.#terms.level === 5 || refused.outcome !== 'rejected') return refused
    return errorFromReason(ReasonCode.notAuthorized, { reasonString: 'the broker refused the filter' })
  }

  #endWhatIsLate(): void {
    const [oldest] = this.#pending
    const { timeoutMs } = this.#terms
    if (oldest === undefined || performance.now() - oldest.sinceMs < timeoutMs) return
    const text = `no answer from the hub within ${timeoutMs} ms`
    this.end(new ThingmeshError('timeout', text, { outcome: 'unknown' }))
  }

  /** MQTT.js sends what the hub ends the connection for. */
  #checkSize(packet: Parameters<typeof encodePacket>[0] & { readonly payload: Uint8Array }): void {
    const max = this.#connack?.properties?.maximumPacketSize
    if (max === undefined || packet.payload.length < max / 2) return
    const { length } = encodePacket(packet, 5)
    if (length <= max) return
    const text = `a packet of ${length} bytes, the hub takes ${max}`
    throw new ThingmeshError('too-large', text, { outcome: 'not-sent' })
  }

  #checkLive(): void {
    if (this.#ended) throw new ThingmeshError('unavailable', 'the connection is over', { outcome: 'not-sent' })
  }
}

/** CONNACK's codes before MQTT 5 (MQTT 3.1.1, table 3.1) among those since. */
const returnCodes: Readonly<Record<number, number>> = {
  1: ReasonCode.unsupportedProtocolVersion,
  2: ReasonCode.clientIdentifierNotValid,
  3: ReasonCode.serverUnavailable,
  4: ReasonCode.badUserNameOrPassword,
  5: ReasonCode.badUserNameOrPassword,
}

/** Throws `unsupported` for what MQTT 3.1.1 has no place for. A content type it leaves out, as its subscribers expect. */
function checkPlain({ properties }: OutgoingDraft): void {
  if (properties === undefined) return
  throw new ThingmeshError('unsupported', 'mqtt 3.1.1 has no place for properties', { outcome: 'not-sent' })
}

/** What of MQTT.js's errors tells a refusal: a reason code, or the SUBACK. */
interface JsRefusal {
  readonly code?: unknown
  readonly packet?: { readonly granted?: readonly unknown[]; readonly properties?: JsReason }
}

/** The hub's refusal, or that something broke, for which MQTT.js has words of its own. */
export function errorOf(cause: unknown): ThingmeshError {
  const { code, packet } = cause as JsRefusal
  const reasonCode = typeof code === 'number' ? (returnCodes[code] ?? code) : packet?.granted?.[0]
  if (typeof reasonCode !== 'number' || reasonCode < 0x80) return lost(cause)
  return errorFromReason(reasonCode, fromJsReason(packet?.properties))
}

function lost(cause?: unknown): ThingmeshError {
  return new ThingmeshError('unavailable', 'the connection was lost', { cause, outcome: 'unknown' })
}
