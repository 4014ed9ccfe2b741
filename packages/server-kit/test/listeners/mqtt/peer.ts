import type { Duplex } from 'node:stream'
import {
  type ConnackPacket,
  type ConnectPacket,
  encodePacket,
  type Packet,
  PacketParser,
  type PacketType,
  type ProtocolLevel,
  type PublishPacket,
  type QoS,
  type SubackPacket,
  type SubscriptionRequest,
} from '@thingmesh/core/mqtt'

type PacketOf<Type extends PacketType> = Extract<Packet, { readonly type: Type }>

export type ConnectOptions = Partial<Omit<ConnectPacket, 'type' | 'password'>> & { readonly password?: string }
export type PublishOptions = Partial<Omit<PublishPacket, 'type' | 'topic' | 'payload'>>
export type SubscribeOptions = Partial<Omit<SubscriptionRequest, 'filter'>> & { readonly subscriptionId?: number }

const waitMsMax = 8_000

export const bytes = (text: string): Uint8Array => new TextEncoder().encode(text)
export const textOf = ({ payload }: Pick<PublishPacket, 'payload'>): string => new TextDecoder().decode(payload)

/** A client that says what a test tells it to, right or wrong, and keeps what it is told. */
export class TestPeer {
  readonly socket: Duplex
  level: ProtocolLevel
  /** Deliveries are answered as they come, with QoS 2 to the end of the exchange. */
  acknowledges = true
  /** What came and was not taken. */
  readonly packets: Packet[] = []
  readonly #parser: PacketParser
  #packetId = 0
  #onChange: (() => void)[] = []
  #closed = false
  #failure: unknown

  constructor(socket: Duplex, level: ProtocolLevel) {
    this.socket = socket
    this.level = level
    this.#parser = new PacketParser({ role: 'client', level, maximumPacketSize: 1 << 24 })
    socket.on('error', () => undefined)
    socket.on('data', chunk => this.#receive(chunk as Buffer))
    socket.on('close', () => {
      this.#closed = true
      this.#changed()
    })
  }

  get isClosed(): boolean {
    return this.#closed
  }

  raw(...parts: readonly (Uint8Array | readonly number[])[]): void {
    this.socket.write(Buffer.concat(parts.map(part => Uint8Array.from(part))))
  }

  send(packet: Packet): void {
    this.socket.write(encodePacket(packet, this.level))
  }

  nextPacketId(): number {
    this.#packetId = (this.#packetId % 65_535) + 1
    return this.#packetId
  }

  /** The first packet of this type that was not taken yet. Fails where the connection closes first, or at the deadline. */
  async take<Type extends PacketType>(type: Type): Promise<PacketOf<Type>> {
    const isIt = (packet: Packet) => packet.type === type
    await this.#until(() => this.packets.some(isIt) || this.#closed, type)
    const at = this.packets.findIndex(isIt)
    if (at < 0) throw new Error(`closed while waiting for ${type}`, { cause: this.#failure })
    return this.packets.splice(at, 1)[0] as PacketOf<Type>
  }

  async takeAll(count: number): Promise<PublishPacket[]> {
    const taken: PublishPacket[] = []
    while (taken.length < count) taken.push(await this.take('publish'))
    return taken
  }

  async texts(count: number): Promise<string[]> {
    return (await this.takeAll(count)).map(textOf)
  }

  /** Everything that was sent to this peer before now has come: the answer to a ping is behind it. */
  async arrived(): Promise<readonly PublishPacket[]> {
    this.send({ type: 'pingreq' })
    await this.take('pingresp')
    return this.packets.filter(packet => packet.type === 'publish')
  }

  /** Settles when the hub has closed the connection, with what it said that was not taken. */
  async closed(): Promise<readonly Packet[]> {
    await this.#until(() => this.#closed, 'the close')
    return this.packets
  }

  /** The reason in the DISCONNECT that came before the close; `undefined` where there was none. */
  async closeReason(): Promise<number | undefined> {
    const said = (await this.closed()).find(packet => packet.type === 'disconnect')
    return said?.type === 'disconnect' ? said.reasonCode : undefined
  }

  async connect(options: ConnectOptions): Promise<ConnackPacket> {
    this.sendConnect(options)
    return this.take('connack')
  }

  sendConnect(options: ConnectOptions): void {
    this.socket.write(this.encodeConnect(options))
  }

  encodeConnect({ password, ...options }: ConnectOptions): Uint8Array {
    const packet: ConnectPacket = {
      type: 'connect',
      level: this.level,
      clientId: 'peer',
      cleanStart: true,
      keepAliveSeconds: 60,
      ...options,
      ...(password !== undefined && { password: bytes(password) }),
    }
    return encodePacket(packet, packet.level)
  }

  async subscribe(filters: string | readonly string[], options: SubscribeOptions = {}): Promise<number[]> {
    const packetId = this.sendSubscribe(filters, options)
    const suback = await this.takeSuback(packetId)
    return suback.reasonCodes
  }

  sendSubscribe(filters: string | readonly string[], { subscriptionId, ...options }: SubscribeOptions = {}): number {
    const packetId = this.nextPacketId()
    const subscriptions = [filters].flat().map(filter => ({
      filter,
      qos: 1 as QoS,
      noLocal: false,
      retainAsPublished: false,
      retainHandling: 0 as const,
      ...options,
    }))
    const properties = subscriptionId === undefined ? undefined : { subscriptionIdentifiers: [subscriptionId] }
    this.send({ type: 'subscribe', packetId, subscriptions, properties })
    return packetId
  }

  async takeSuback(packetId: number): Promise<SubackPacket> {
    const suback = await this.take('suback')
    if (suback.packetId !== packetId) throw new Error(`suback for ${suback.packetId}, not ${packetId}`)
    return suback
  }

  async unsubscribe(filters: string | readonly string[]): Promise<number[]> {
    this.send({ type: 'unsubscribe', packetId: this.nextPacketId(), filters: [filters].flat() })
    return (await this.take('unsuback')).reasonCodes
  }

  /** Sends one and, but for QoS 0, waits for its answer: the reason code. With QoS 2 to the end of the exchange. */
  async publish(topic: string, payload: string | Uint8Array, options: PublishOptions = {}): Promise<number> {
    const packetId = this.sendPublish(topic, payload, options)
    if (packetId === 0) return 0
    if (options.qos !== 2) return this.takeAnswer('puback', packetId)
    const reasonCode = await this.takeAnswer('pubrec', packetId)
    return reasonCode >= 0x80 ? reasonCode : this.release(packetId)
  }

  /** The next answer of this type, which has to be to this packet: its reason code. */
  async takeAnswer(type: 'puback' | 'pubrec' | 'pubrel' | 'pubcomp', packetId: number): Promise<number> {
    const answer = await this.take(type)
    if (answer.packetId !== packetId) throw new Error(`${type} for ${answer.packetId}, not ${packetId}`)
    return answer.reasonCode
  }

  /** PUBREL, and its answer: the reason code. */
  async release(packetId: number): Promise<number> {
    this.say('pubrel', packetId)
    return this.takeAnswer('pubcomp', packetId)
  }

  say(type: 'puback' | 'pubrec' | 'pubrel' | 'pubcomp', packetId: number, reasonCode = 0): void {
    this.send({ type, packetId, reasonCode })
  }

  sendPublish(topic: string, payload: string | Uint8Array, options: PublishOptions = {}): number {
    const { qos = 1 } = options
    const packetId = options.packetId ?? (qos === 0 ? 0 : this.nextPacketId())
    this.send({
      type: 'publish',
      topic,
      payload: typeof payload === 'string' ? bytes(payload) : payload,
      qos,
      retain: false,
      dup: false,
      properties: undefined,
      ...options,
      packetId,
    })
    return packetId
  }

  acknowledge({ packetId }: { readonly packetId: number }): void {
    this.say('puback', packetId)
  }

  /** Goes without a word. */
  cut(): void {
    this.socket.destroy()
  }

  /** Says goodbye and waits for the close. */
  async disconnect(reasonCode = 0, sessionExpiryInterval?: number): Promise<void> {
    const properties = sessionExpiryInterval === undefined ? undefined : { sessionExpiryInterval }
    this.send({ type: 'disconnect', reasonCode, properties })
    await this.closed()
  }

  #receive(chunk: Uint8Array): void {
    try {
      this.#parser.push(chunk, packet => {
        if (packet.type !== 'pubrel' || !this.acknowledges) this.packets.push(packet)
        if (this.acknowledges) this.#answer(packet)
      })
    } catch (error) {
      this.#failure = error
      this.socket.destroy()
    }
    this.#changed()
  }

  #answer(packet: Packet): void {
    if (packet.type === 'pubrel') this.say('pubcomp', packet.packetId)
    else if (packet.type === 'publish' && packet.qos > 0)
      this.say(packet.qos === 1 ? 'puback' : 'pubrec', packet.packetId)
  }

  #changed(): void {
    for (const check of this.#onChange.splice(0)) check()
  }

  async #until(isSo: () => boolean, what: string): Promise<void> {
    const deadline = performance.now() + waitMsMax
    while (!isSo()) {
      const changed = await new Promise<boolean>(resolve => {
        const timer = setTimeout(() => resolve(false), deadline - performance.now())
        this.#onChange.push(() => {
          clearTimeout(timer)
          resolve(true)
        })
      })
      if (!changed) {
        const had = this.packets.slice(0, 8).map(packet => packet.type)
        throw new Error(`${what} did not come; untaken: ${had.join(', ') || 'nothing'}`)
      }
    }
  }
}
