import { isThingmeshError, type Message, type Principal, ThingmeshError, toThingmeshError } from '@thingmesh/core'
import {
  type AuthPacket,
  type ConnackPacket,
  type ConnectPacket,
  type DisconnectPacket,
  type EncodedPublish,
  encodePacket,
  isReasonCodeOf,
  type Packet,
  PacketParser,
  type Properties,
  type ProtocolLevel,
  type PublishPacket,
  type PubrecPacket,
  type PubrelPacket,
  type QoS,
  ReasonCode,
  type SubscribePacket,
  type UnsubscribePacket,
} from '@thingmesh/core/mqtt'
import type {
  ChallengeCredential,
  Counter,
  DeliveryTerms,
  Dialect,
  Ingress,
  Outlet,
  Peer,
  Session,
} from '../../contracts/index.ts'
import { Authentication } from './authentication.ts'
import { type ConnectHello, grantedProperties, receiveMaximumFor, toHello } from './connect.ts'
import type { Decisions } from './decisions.ts'
import { toDraft, toQoS } from './mapping.ts'
import type { MqttLimits } from './options.ts'
import { PendingPublishes } from './pending-publishes.ts'
import type { Publications } from './publications.ts'
import { toConnackReason, toDisconnectReason, toPublishRefusal, toReason, toRequestReason } from './reasons.ts'
import { isRequest, toRequests, toSuback, toUnsuback } from './subscribe.ts'
import { InboundAliases, OutboundAliases } from './topic-aliases.ts'
import { readerOf, readFilter, type TopicReader } from './topic-reader.ts'
import type { Wire } from './wire.ts'

export interface EngineContext {
  readonly ingress: Ingress
  readonly limits: MqttLimits
  /** The hub's. */
  readonly keysPerPublisherMax: number
  readonly decisions: Decisions
  readonly publications: Publications
  readonly dialects: readonly Dialect[]
  /** Deliveries larger than the peer said it takes. */
  readonly tooLargeForPeer: Counter
  /** Deliveries whose topic cannot be said to the peer. */
  readonly unsayable: Counter
  readonly bytes: { readonly received: Counter; readonly sent: Counter }
  readonly onFault: (error: unknown) => void
}

type Phase = 'waiting' | 'opening' | 'open' | 'closed'

/**
 * One connection's MQTT, without I/O: bytes come in by `receive`, go out by the wire. TCP and WebSocket drive the same one.
 */
export class MqttEngine implements Outlet {
  readonly #context: EngineContext
  readonly #wire: Wire
  readonly #peer: Peer
  readonly #parser: PacketParser
  readonly #acknowledged = new PendingPublishes((ids, error) => this.#answerPublishes('puback', ids, error))
  readonly #received = new PendingPublishes((ids, error) => this.#answerPublishes('pubrec', ids, error))
  readonly #inboundAliases: InboundAliases
  /** Where the peer takes aliases. */
  #outboundAliases: OutboundAliases | undefined
  #phase: Phase = 'waiting'
  #level: ProtocolLevel = 4
  /** Where this door knows other ways to write topics than ours. */
  #reader: TopicReader | undefined
  #session: Session | undefined
  /** Reasons in words, where MQTT 5 has room for them (section 3.1.2.11.7). */
  #wantsReasons = true
  /** Where CONNECT has named a method. */
  #authentication: Authentication | undefined
  #packetBytesMax = Number.POSITIVE_INFINITY
  #keepAliveSeconds = 0
  #receiveMaximum: number
  #paused = false
  /** Subscribes, unsubscribes and exactly-once steps that are not answered. */
  #requestCount = 0

  constructor(context: EngineContext, wire: Wire, peer: Peer) {
    this.#context = context
    this.#wire = wire
    this.#peer = peer
    this.#receiveMaximum = context.limits.receiveMaximum
    this.#inboundAliases = new InboundAliases(context.limits.topicAliasMaximum)
    const { connectBytesMax, userPropertiesMax, userPropertyBytesMax, filtersPerSubscribeMax } = context.limits
    this.#parser = new PacketParser({
      role: 'server',
      maximumPacketSize: connectBytesMax,
      userPropertiesMax,
      userPropertyBytesMax,
      filtersPerSubscribeMax,
    })
  }

  get isOpen(): boolean {
    return this.#phase === 'open'
  }

  /** It is over, and what was still to be said is on its way. */
  get isClosed(): boolean {
    return this.#phase === 'closed'
  }

  /** Silence for longer than this is the end (MQTT 5, section 3.1.2.10). 0: never, or not connected yet. */
  get silenceMaxSeconds(): number {
    return this.#keepAliveSeconds * 1.5
  }

  /** Since when the peer has been proving itself anew; monotonic milliseconds. */
  get authenticatesSinceMs(): number | undefined {
    return this.#phase === 'open' ? this.#authentication?.sinceMs : undefined
  }

  receive(chunk: Uint8Array): void {
    if (this.#phase === 'closed') return
    this.#context.bytes.received.value += chunk.byteLength
    try {
      this.#parser.push(chunk, this.#onPacket)
    } catch (error) {
      this.#fail(toThingmeshError(error))
      return
    }
    this.#regulate()
  }

  /** The connection is gone without a farewell. */
  lost(): void {
    if (this.#phase === 'closed') return
    this.#shut()
    this.#leave('lost')
  }

  /** Ends the connection for a reason that is not in what the peer sent: its silence, the hub's end. */
  end(reason: ThingmeshError): void {
    this.close(reason)
    this.#leave('lost')
  }

  /** The hub stops: who is to go elsewhere is told where. */
  stop(reason: ThingmeshError): void {
    const principal = this.#session?.principal
    this.end((principal && this.#context.decisions.redirection(principal)) ?? reason)
  }

  /** There is room on the wire again. */
  drained(): void {
    if (this.#phase !== 'open') return
    this.#session?.resume()
    this.#regulate()
  }

  deliver(message: Message, terms: DeliveryTerms, tag: number, redelivered: boolean): boolean {
    if (this.#phase !== 'open' || this.#wire.isFull) return false
    const qos = tag === 0 ? 0 : (Math.min(toQoS(message.delivery), toQoS(terms.delivery)) as QoS)
    const retain = terms.replay || (terms.retainAsPublished && message.retain)
    const encoded = this.#encode(message, qos, retain, terms)
    if (encoded === undefined) {
      this.#skip(this.#context.unsayable, tag)
      return true
    }
    const { bytes, packetIdOffset } = encoded
    if (bytes.length > this.#packetBytesMax) {
      this.#skipTooLarge(message, terms, tag)
      return true
    }
    this.#context.bytes.sent.value += bytes.length
    if (qos === 0) this.#wire.write(bytes)
    else this.#wire.writePublish(bytes, packetIdOffset, tag, redelivered)
    return true
  }

  release(tag: number): void {
    this.#sendPlain('pubrel', tag)
  }

  close(reason: ThingmeshError): void {
    if (this.#phase === 'closed') return
    this.#sendDisconnect(reason)
    this.#shut()
    this.#wire.end()
  }

  /**
   * MQTT has no word for it but the end of the connection, and DISCONNECT's for what an administrator did. Nothing was refused that the peer asked for: who
   * is back asks again for what it wants, and the SUBACK says that it may not have it.
   */
  revoke(_filters: readonly string[], { message }: ThingmeshError): void {
    this.end(new ThingmeshError('canceled', message))
  }

  readonly #onPacket = (packet: Packet): boolean => {
    if (this.#phase === 'open') this.#handle(packet)
    else if (this.#phase === 'waiting' && packet.type === 'connect') this.#connect(packet)
    else if (this.#phase === 'waiting') throw protocolError(`the first packet is ${packet.type}, not connect`)
    else if (this.#phase === 'opening') this.#handleBeforeOpen(packet)
    return this.#phase === 'open'
  }

  /** Between CONNECT and CONNACK there is one exchange of authentication at most, and nothing else (MQTT-3.1.2-30). */
  #handleBeforeOpen(packet: Packet): void {
    this.#wire.pause()
    if (packet.type === 'auth' && this.#authentication !== undefined) this.#authentication.receive(packet)
    else if (packet.type !== 'disconnect') throw protocolError(`${packet.type} during the authentication`)
    else {
      this.#shut()
      this.#wire.end()
    }
  }

  #handle(packet: Packet): void {
    switch (packet.type) {
      case 'publish':
        this.#publish(packet)
        return
      case 'puback':
      case 'pubcomp':
        this.#session!.acknowledge(packet.packetId)
        return
      case 'pubrec':
        this.#answerLater(this.#receive(packet))
        return
      case 'pubrel':
        this.#answerLater(this.#release(packet))
        return
      case 'subscribe':
        this.#answerLater(this.#subscribe(packet))
        return
      case 'unsubscribe':
        this.#answerLater(this.#unsubscribe(packet))
        return
      case 'pingreq':
        this.#send({ type: 'pingresp' })
        return
      case 'disconnect':
        this.#disconnect(packet)
        return
      case 'connect':
        throw protocolError('a second connect')
      case 'auth':
        this.#authenticate(packet)
        return
      default:
        throw protocolError(`${packet.type} belongs to a delivery that is not under way`)
    }
  }

  #connect(packet: ConnectPacket): void {
    this.#phase = 'opening'
    this.#level = packet.level
    this.#wantsReasons = packet.properties?.requestProblemInformation !== false
    this.#packetBytesMax = packet.properties?.maximumPacketSize ?? Number.POSITIVE_INFINITY
    const method = packet.properties?.authenticationMethod
    if (method !== undefined) this.#authentication = new Authentication(method, packet, this.#authenticationPort())
    // The peer may send on: what it says is kept by the system until the hub knows who it is.
    this.#wire.pause()
    let hello: ConnectHello
    try {
      hello = toHello(packet, this.#peer, { authentication: this.#authentication, dialects: this.#context.dialects })
    } catch (thrown) {
      const error = toThingmeshError(thrown)
      this.#refuseConnect(error, error)
      return
    }
    this.#open(packet, hello).catch(this.#context.onFault)
  }

  async #open(packet: ConnectPacket, hello: ConnectHello): Promise<void> {
    const { ingress, limits, keysPerPublisherMax } = this.#context
    try {
      const session = await ingress.open({ ...hello, outlet: this, admit: this.#admit })
      this.#session = session
      this.#reader = readerOf(this.#context.dialects, session.principal)
      // Whoever hung up or was taken over while waiting is not let in.
      if (this.#phase !== 'opening') return await session.close('lost')
      this.#keepAliveSeconds = keepAliveFor(packet, limits)
      this.#receiveMaximum = receiveMaximumFor(packet, limits, keysPerPublisherMax)
      const aliasMaximum = packet.properties?.topicAliasMaximum ?? 0
      if (aliasMaximum > 0)
        this.#outboundAliases = new OutboundAliases(Math.min(aliasMaximum, limits.topicAliasMaximum))
      const connack: ConnackPacket = {
        type: 'connack',
        sessionPresent: session.resumed,
        reasonCode: ReasonCode.success,
        properties: {
          ...grantedProperties(packet, hello, session, this.#keepAliveSeconds, this.#receiveMaximum, limits),
          ...this.#responseInformation(packet, session),
          ...this.#authentication?.finish(),
        },
      }
      // What it grants the peer has to know: nothing of it can be left out (MQTT 5, section 3.1.3.1).
      if (!this.#fits(connack))
        throw new ThingmeshError('too-large', 'the peer takes no CONNACK that says what it has to')
      this.#send(this.#withRevoked(connack, session))
    } catch (thrown) {
      this.#refuseConnect(toThingmeshError(thrown))
      // What went wrong may have gone wrong behind the door.
      this.#leave('farewell')
      return
    }
    this.#phase = 'open'
    this.#parser.maximumPacketSize = limits.packetBytesMax
    this.#wire.resume()
    this.#session.resume()
    this.receive(nothing)
  }

  readonly #admit = (principal: Principal): void => {
    const elsewhere = this.#context.decisions.redirection(principal)
    if (elsewhere !== undefined) throw elsewhere
  }

  /** Who comes back to a session need not subscribe again, and would not learn otherwise what is not subscribed to any more. */
  #withRevoked(connack: ConnackPacket, { revoked }: Session): ConnackPacket {
    if (revoked === undefined) return connack
    const told = { ...connack, properties: { ...connack.properties, ...this.#reason(revoked) } }
    return this.#fits(told) ? told : connack
  }

  #responseInformation({ properties }: ConnectPacket, { principal }: Session) {
    if (properties?.requestResponseInformation !== true) return undefined
    const responseInformation = this.#context.decisions.responseInformation(principal)
    return responseInformation === undefined ? undefined : { responseInformation }
  }

  /** `fault` where the packet itself is at fault: what the hub refuses, it counts. */
  #refuseConnect(error: ThingmeshError, fault?: ThingmeshError): void {
    if (this.#phase === 'closed') return
    const reasonCode = toConnackReason(error, this.#level)
    this.#send({ type: 'connack', sessionPresent: false, reasonCode, properties: this.#reason(error) })
    this.#shut()
    this.#wire.end(fault)
  }

  #authenticationPort() {
    return {
      limits: this.#context.limits,
      send: (packet: AuthPacket) => this.#send(packet),
      listen: () => {
        if (this.#phase !== 'opening') return
        this.#wire.resume()
        this.receive(nothing)
      },
      fail: (error: ThingmeshError) => this.#fail(error),
    }
  }

  #authenticate(packet: AuthPacket): void {
    const authentication = this.#authentication
    if (authentication === undefined) throw protocolError('auth without an authentication method in connect')
    const credential = authentication.receive(packet)
    // Never a reason to read no further: its answer would not be read either.
    if (credential !== undefined) this.#renew(authentication, credential).catch(this.#onRequestFault)
  }

  /** What is published and subscribed to meanwhile goes by the proof before (MQTT 5, section 4.12.1). */
  async #renew(authentication: Authentication, credential: ChallengeCredential): Promise<void> {
    await this.#session!.renew(credential)
    this.#send({ type: 'auth', reasonCode: ReasonCode.success, properties: authentication.finish() })
  }

  #publish(packet: PublishPacket): void {
    const { qos, packetId } = packet
    if (qos !== 0 && this.#level === 5) this.#checkReceiveMaximum()
    const topic = this.#inboundAliases.resolve(packet)
    try {
      const receipt = this.#session!.publish(toDraft(packet, topic, this.#reader), qos === 2 ? packetId : undefined)
      if (receipt === undefined) return
      const pending = qos === 2 ? this.#received : this.#acknowledged
      pending.add(receipt, packetId, packet.payload.length)
    } catch (thrown) {
      const error = toThingmeshError(thrown)
      // MQTT 5 can refuse one message (section 3.4.2.1); before it, and without an acknowledgement, only the connection can be refused.
      if (this.#level === 5 && qos !== 0) this.#sendAnswer(qos === 1 ? 'puback' : 'pubrec', packetId, error)
      else throw toPublishRefusal(error)
    }
  }

  #checkReceiveMaximum(): void {
    const receiveMaximum = this.#receiveMaximum
    if (this.#pendingCount < receiveMaximum) return
    const details = {
      reasonCode: ReasonCode.receiveMaximumExceeded,
      limit: receiveMaximum,
      found: this.#pendingCount + 1,
    }
    throw new ThingmeshError(
      'rate-limited',
      `${details.found} publishes not acknowledged, the limit is ${receiveMaximum}`,
      { details },
    )
  }

  /** A peer that asks faster than the hub can answer is read no faster. */
  #answerLater(answer: Promise<void>): void {
    this.#requestCount += 1
    answer.catch(this.#onRequestFault).finally(() => {
      this.#requestCount -= 1
      this.#regulate()
    })
  }

  get #pendingCount(): number {
    return this.#acknowledged.count + this.#received.count
  }

  #answerPublishes(type: 'puback' | 'pubrec', packetIds: readonly number[], error: ThingmeshError | undefined): void {
    if (this.#phase === 'closed') return
    if (error !== undefined && this.#level !== 5) {
      this.#fail(error)
      return
    }
    for (const packetId of packetIds) this.#sendAnswer(type, packetId, error)
    this.#regulate()
  }

  /**
   * Reads no more while too many publishes wait for their commit, or too much in them: a larger window is one for small messages. Nor while
   * the peer does not read: answers are not dropped, so what would bring more of them has to wait.
   */
  #regulate(): void {
    if (this.#phase !== 'open') return
    const { receiveMaximum, packetBytesMax } = this.#context.limits
    const share = this.#paused ? 0.5 : 1
    const paused =
      this.#pendingCount + this.#requestCount > share * this.#receiveMaximum ||
      this.#acknowledged.bytes + this.#received.bytes > share * receiveMaximum * packetBytesMax ||
      this.#wire.isFull
    if (paused === this.#paused) return
    this.#paused = paused
    if (paused) this.#wire.pause()
    else this.#wire.resume()
  }

  #sendAnswer(type: 'puback' | 'pubrec', packetId: number, error: ThingmeshError | undefined): void {
    if (error === undefined) {
      this.#sendPlain(type, packetId)
      return
    }
    this.#send({ type, packetId, reasonCode: toRequestReason(error), properties: this.#reason(error) })
  }

  /** Most of what the hub says: the same four bytes in every version, but for the id. */
  #sendPlain(type: 'puback' | 'pubrec' | 'pubrel' | 'pubcomp', packetId: number): void {
    if (this.#phase !== 'closed') this.#write(Uint8Array.of(plainFirstByte[type], 2, packetId >> 8, packetId))
  }

  /** The peer has a delivery of quality 2; or it refuses it, which ends the exchange as well (MQTT 5, section 4.3.3). */
  async #receive({ packetId, reasonCode }: PubrecPacket): Promise<void> {
    if (reasonCode >= ReasonCode.unspecifiedError) {
      this.#session!.acknowledge(packetId)
      return
    }
    const known = await this.#session!.received(packetId)
    if (known || this.#level !== 5) this.#sendPlain('pubrel', packetId)
    else this.#send({ type: 'pubrel', packetId, reasonCode: ReasonCode.packetIdentifierNotFound })
  }

  async #release({ packetId }: PubrelPacket): Promise<void> {
    const known = await this.#session!.release(packetId)
    if (known || this.#level !== 5) this.#sendPlain('pubcomp', packetId)
    else this.#send({ type: 'pubcomp', packetId, reasonCode: ReasonCode.packetIdentifierNotFound })
  }

  async #subscribe(packet: SubscribePacket): Promise<void> {
    const asked = toRequests(packet, this.#reader)
    const session = this.#session!
    const answered = (await session.subscribe(asked.filter(isRequest))).values()
    const results = asked.map(one => (isRequest(one) ? answered.next().value! : one))
    this.#send(toSuback(packet.packetId, results, { isTold: this.#isTold, isResumed: session.resumed }))
  }

  async #unsubscribe({ packetId, filters }: UnsubscribePacket): Promise<void> {
    const read = filters.map(text => readFilter(this.#reader, text))
    // Nobody is subscribed to what is refused, under its own name either.
    const known = await this.#session!.unsubscribe(
      read.map((one, i) => (isThingmeshError(one) ? filters[i]! : one.filter)),
    )
    this.#send(toUnsuback(packetId, known))
  }

  /** A request could not be carried out, and its packet has no way to say so that would be true. */
  readonly #onRequestFault = (error: unknown): void => {
    // Who has left is not waiting for an answer.
    if (this.#phase === 'open') this.#fail(toThingmeshError(error))
  }

  #disconnect({ reasonCode, properties }: DisconnectPacket): void {
    const expiry = properties?.sessionExpiryInterval
    if (expiry !== undefined && expiry > 0 && this.#session!.expiresInSeconds === 0) {
      throw protocolError('a session expiry in disconnect, after none in connect') // MQTT 5, section 3.14.2.2.2
    }
    this.#shut()
    // Whoever goes because of an error has not taken its will back (MQTT 5, section 3.14.4).
    const how = reasonCode === ReasonCode.normalDisconnection ? 'farewell' : 'farewell-with-will'
    this.#leave(how, expiry)
    this.#wire.end()
  }

  #fail(error: ThingmeshError): void {
    if (this.#phase === 'closed') return
    if (this.#phase === 'open') this.#sendDisconnect(error)
    // Whoever got as far as an exchange speaks MQTT 5, but not every code of it may stand in a CONNACK.
    else if (this.#phase === 'opening' && this.#authentication !== undefined) {
      const isAnswer = isReasonCodeOf('connack', toConnackReason(error, 5))
      this.#refuseConnect(isAnswer ? error : protocolError(error.message), error)
      return
    }
    // Before CONNACK only a version that is not spoken here gets an answer (MQTT 3.1.1, section 3.1.2.2); anything else may not even be MQTT.
    else if (this.#phase === 'waiting' && error.code === 'unsupported') {
      // Whoever speaks a later version reads the form of MQTT 5 (section 3.1.2.2).
      if (Number(error.details.level) > 5) this.#level = 5
      this.#refuseConnect(error, error)
      return
    }
    this.#shut()
    this.#leave('lost')
    this.#wire.end(error)
  }

  /** Nothing is said or heard from here on, and nobody waits for an answer. */
  #shut(): void {
    this.#phase = 'closed'
    this.#authentication?.abort()
  }

  #leave(how: 'farewell' | 'farewell-with-will' | 'lost', expiresInSeconds?: number): void {
    this.#session?.close(how, expiresInSeconds).catch(this.#context.onFault)
  }

  #sendDisconnect(error: ThingmeshError): void {
    if (this.#level !== 5 || this.#phase !== 'open') return
    this.#send({ type: 'disconnect', reasonCode: toDisconnectReason(error), properties: this.#reason(error) })
  }

  /**
   * Whether the peer is told why, in words (MQTT 5, section 3.1.2.11.7). Who has asked for none is told nowhere, though
   * CONNACK and DISCONNECT might tell.
   */
  get #isTold(): boolean {
    return this.#level === 5 && this.#wantsReasons
  }

  #reason(error: ThingmeshError): Properties | undefined {
    const { serverReference } = error.details
    const elsewhere = this.#level === 5 && typeof serverReference === 'string' ? { serverReference } : undefined
    return this.#isTold ? { ...toReason(error), ...elsewhere } : elsewhere
  }

  /** The peer said that it takes nothing that large: for it the message counts as delivered (MQTT 5, section 3.1.2.11.4). */
  #skipTooLarge(message: Message, terms: DeliveryTerms, tag: number): void {
    this.#outboundAliases?.takeBack(this.#context.publications.topicFor(message, terms)!)
    this.#skip(this.#context.tooLargeForPeer, tag)
  }

  /** Counts as delivered: it will not be any other the next time. */
  #skip(counter: Counter, tag: number): void {
    counter.value += 1
    if (tag !== 0) queueMicrotask(() => this.#session?.acknowledge(tag))
  }

  #encode(message: Message, qos: QoS, retain: boolean, terms: DeliveryTerms): EncodedPublish | undefined {
    const { publications } = this.#context
    const aliases = this.#outboundAliases
    if (aliases === undefined) return publications.encode(message, this.#level, qos, retain, terms)
    const topic = publications.topicFor(message, terms)
    if (topic === undefined) return undefined
    const abbreviated = aliases.aliasOf(topic)
    if (abbreviated === undefined) return publications.encode(message, this.#level, qos, retain, terms)
    const encoded = publications.encodeAliased(topic, message, qos, retain, terms, abbreviated)
    if (encoded === undefined) aliases.takeBack(topic)
    return encoded
  }

  #send(packet: Packet): void {
    if (this.#phase === 'closed') return
    const bytes = encodePacket(packet, this.#level)
    if (bytes.length <= this.#packetBytesMax) this.#write(bytes)
    else if (packet.type === 'auth') throw tooLargeForPeer(bytes.length, this.#packetBytesMax)
    // What is too large even without its reason in words is not sent (MQTT 5, section 3.1.2.11.4).
    else if ('properties' in packet && packet.properties !== undefined) this.#send({ ...packet, properties: undefined })
  }

  #fits(packet: Packet): boolean {
    return encodePacket(packet, this.#level).length <= this.#packetBytesMax
  }

  #write(bytes: Uint8Array): void {
    this.#context.bytes.sent.value += bytes.length
    this.#wire.write(bytes)
  }
}

const nothing = new Uint8Array(0)
const plainFirstByte = { puback: 0x40, pubrec: 0x50, pubrel: 0x62, pubcomp: 0x70 } as const

function keepAliveFor({ keepAliveSeconds: asked, level }: ConnectPacket, limits: MqttLimits): number {
  if (asked === 0) return limits.keepAliveSecondsDefault
  // Before MQTT 5 a peer cannot be told that it is given longer than it asked for (3.1.1, section 3.1.2.10).
  const atLeast = level === 5 ? limits.keepAliveSecondsMin : 0
  return Math.min(Math.max(asked, atLeast), limits.keepAliveSecondsMax)
}

function tooLargeForPeer(found: number, limit: number): ThingmeshError {
  return new ThingmeshError('too-large', `a packet of ${found} bytes, the peer takes ${limit}`, {
    details: { found, limit },
  })
}

function protocolError(message: string): ThingmeshError {
  return new ThingmeshError('invalid-argument', message, { details: { reasonCode: ReasonCode.protocolError } })
}
