import fc from 'fast-check'
import { expect } from 'vitest'
import type { HubModel, QoS, Said, Wanted } from './model.ts'
import type { World } from './world.ts'

type Command = fc.AsyncCommand<HubModel, World>

/** Thing and client id. Two of them have the same client id, and nothing to do with each other. */
const ids = fc.constantFrom('one x', 'one y', 'two x')
const qos = fc.constantFrom<QoS>(0, 1, 2)
const topics = fc.constantFrom('telemetry', 'telemetry/a', 'telemetry/a/b')
const filters = fc.constantFrom('telemetry', 'telemetry/a', 'telemetry/+', 'telemetry/#', '#')
/** Few, so that they are used again. */
const packetIds = fc.integer({ min: 1, max: 3 })

/** One step of somebody, after which everybody has what is due. */
abstract class Step implements Command {
  abstract check(model: Readonly<HubModel>): boolean
  abstract act(model: HubModel, world: World): Promise<void>
  abstract toString(): string

  async run(model: HubModel, world: World): Promise<void> {
    await this.act(model, world)
    await world.settle(model.sessions)
  }
}

interface Entry {
  readonly id: string
  readonly clean: boolean
  readonly lasts: boolean
  readonly window: number
  readonly will: Omit<Said, 'from'> | undefined
}

class Connect extends Step {
  readonly #entry: Entry

  constructor(entry: Entry) {
    super()
    this.#entry = entry
  }

  check(): boolean {
    return true
  }

  async act(model: HubModel, world: World): Promise<void> {
    const { id, clean, will } = this.#entry
    const { level } = world
    // Before MQTT 5 a session lasts where it is not clean, and the window is the hub's.
    const lasts = level === 5 ? this.#entry.lasts : !clean
    const window = level === 5 ? this.#entry.window : 64
    const said = will && world.fresh(id, will)
    const sessionPresent = model.connect(id, { clean, lasts, window, will: said })
    const old = world.peers.get(id)
    const { peer, ...credentials } = await world.open(id)
    world.peers.set(id, peer)
    const properties = { sessionExpiryInterval: lasts ? 600 : 0, receiveMaximum: window }
    const connack = await peer.connect({
      ...credentials,
      cleanStart: clean,
      ...(level === 5 && { properties }),
      ...(said && { will: { topic: said.topic, payload: Buffer.from(said.text), qos: said.qos, retain: said.retain } }),
    })
    expect({ sessionPresent: connack.sessionPresent, reasonCode: connack.reasonCode }).toEqual({
      sessionPresent,
      reasonCode: 0,
    })
    const reason = await old?.closeReason()
    if (level === 5 && old !== undefined) expect(reason).toBe(0x8e)
  }

  toString(): string {
    return `connect(${JSON.stringify(this.#entry)})`
  }
}

/** A step of one who is connected. */
abstract class PeerStep extends Step {
  readonly id: string

  constructor(id: string) {
    super()
    this.id = id
  }

  check(model: Readonly<HubModel>): boolean {
    return model.isConnected(this.id)
  }
}

type Parting = 'cut' | 'farewell' | 'farewell with will' | 'nonsense'

class Leave extends PeerStep {
  readonly #how: Parting

  constructor(id: string, how: Parting) {
    super(id)
    this.#how = how
  }

  async act(model: HubModel, world: World): Promise<void> {
    const peer = world.peers.get(this.id)!
    world.peers.delete(this.id)
    if (this.#how === 'farewell') await peer.disconnect()
    else if (this.#how === 'farewell with will' && world.level === 5) await peer.disconnect(0x04)
    else if (this.#how === 'nonsense') {
      peer.raw([0x00, 0x00])
      await peer.closed()
    } else {
      peer.cut()
      await world.isGone()
    }
    model.lose(this.id, this.#how !== 'farewell')
  }

  toString(): string {
    return `leave(${this.id}, ${this.#how})`
  }
}

class Subscribe extends PeerStep {
  readonly #wanted: Wanted

  constructor(id: string, wanted: Wanted) {
    super(id)
    this.#wanted = wanted
  }

  async act(model: HubModel, world: World): Promise<void> {
    const { filter, qos: asked, retainAsPublished, subscriptionId } = this.#wanted
    const newest = world.level === 5
    const wanted = newest ? this.#wanted : { filter, qos: asked, retainAsPublished: false, subscriptionId: 0 }
    model.subscribe(this.id, wanted)
    const options = {
      qos: asked,
      retainAsPublished: newest && retainAsPublished,
      ...(newest && subscriptionId > 0 && { subscriptionId }),
    }
    expect(await world.peers.get(this.id)!.subscribe(filter, options)).toEqual([asked])
  }

  toString(): string {
    return `subscribe(${this.id}, ${JSON.stringify(this.#wanted)})`
  }
}

class Unsubscribe extends PeerStep {
  readonly #filter: string

  constructor(id: string, filter: string) {
    super(id)
    this.#filter = filter
  }

  async act(model: HubModel, world: World): Promise<void> {
    const was = model.unsubscribe(this.id, this.#filter)
    const codes = await world.peers.get(this.id)!.unsubscribe(this.#filter)
    expect(codes).toEqual(world.level === 5 ? [was ? 0 : 0x11] : [])
  }

  toString(): string {
    return `unsubscribe(${this.id}, ${this.#filter})`
  }
}

class Publish extends PeerStep {
  readonly #said: Omit<Said, 'from'>
  readonly #packetId: number

  constructor(id: string, said: Omit<Said, 'from'>, packetId: number) {
    super(id)
    this.#said = said
    this.#packetId = said.qos === 0 ? 0 : packetId
  }

  async act(model: HubModel, world: World): Promise<void> {
    const peer = world.peers.get(this.id)!
    const said = world.fresh(this.id, this.#said)
    const isNew = model.publish(this.id, said, this.#packetId)
    const { topic, text, qos: asked, retain } = said
    peer.sendPublish(topic, text, { qos: asked, retain, packetId: this.#packetId, dup: !isNew })
    if (asked > 0) expect(await peer.takeAnswer(asked === 1 ? 'puback' : 'pubrec', this.#packetId)).toBe(0)
  }

  toString(): string {
    return `publish(${this.id}, ${JSON.stringify(this.#said)}, ${this.#packetId})`
  }
}

/** PUBREL, whether or not there is something to release. */
class Release extends PeerStep {
  readonly #packetId: number

  constructor(id: string, packetId: number) {
    super(id)
    this.#packetId = packetId
  }

  async act(model: HubModel, world: World): Promise<void> {
    const known = model.sessions.get(this.id)!.transfers.delete(this.#packetId)
    expect(await world.peers.get(this.id)!.release(this.#packetId)).toBe(known || world.level !== 5 ? 0 : 0x92)
  }

  toString(): string {
    return `release(${this.id}, ${this.#packetId})`
  }
}

type Answer = 'next' | 'early end' | 'refusal'

/** The next step of a delivery, or one that does not belong there. Any of those that are under way, in any order. */
class Acknowledge extends PeerStep {
  readonly #which: number
  readonly #answer: Answer

  constructor(id: string, which: number, answer: Answer) {
    super(id)
    this.#which = which
    this.#answer = answer
  }

  override check(model: Readonly<HubModel>): boolean {
    return super.check(model) && model.sessions.get(this.id)!.held.length > 0
  }

  async act(model: HubModel, world: World): Promise<void> {
    const session = model.sessions.get(this.id)!
    const delivery = session.held[this.#which % session.held.length]!
    const peer = world.peers.get(this.id)!
    const { packetId } = delivery
    if (delivery.qos === 1) {
      peer.say(this.#answer === 'early end' ? 'pubcomp' : 'puback', packetId)
      session.end(delivery)
    } else if (this.#answer === 'early end' || (delivery.state === 'received' && this.#answer === 'next')) {
      peer.say('pubcomp', packetId)
      session.end(delivery)
    } else if (this.#answer === 'refusal' && world.level === 5) {
      peer.say('pubrec', packetId, 0x97)
      session.end(delivery)
    } else {
      // The second time it is a repetition.
      peer.say('pubrec', packetId)
      session.receive(delivery)
    }
  }

  toString(): string {
    return `acknowledge(${this.id}, ${this.#which}, ${this.#answer})`
  }
}

/** Answers to deliveries that are not under way. */
class Stray extends PeerStep {
  readonly #type: 'puback' | 'pubrec' | 'pubcomp'

  constructor(id: string, type: 'puback' | 'pubrec' | 'pubcomp') {
    super(id)
    this.#type = type
  }

  async act(_model: HubModel, world: World): Promise<void> {
    const peer = world.peers.get(this.id)!
    // No delivery of a run has come that far.
    peer.say(this.#type, 60_000)
    if (this.#type !== 'pubrec') return
    expect(await peer.takeAnswer('pubrel', 60_000)).toBe(world.level === 5 ? 0x92 : 0)
    peer.say('pubcomp', 60_000)
  }

  toString(): string {
    return `stray(${this.id}, ${this.#type})`
  }
}

class Restart extends Step {
  readonly #isKilled: boolean

  constructor(isKilled: boolean) {
    super()
    this.#isKilled = isKilled
  }

  check(): boolean {
    return true
  }

  async act(model: HubModel, world: World): Promise<void> {
    await world.stop(this.#isKilled)
    model.restart(this.#isKilled)
    await world.start()
  }

  toString(): string {
    return this.#isKilled ? 'kill()' : 'restart()'
  }
}

/** Its text is followed by a number when it is said, so that no two messages are the same. */
const said = fc.record({
  topic: topics,
  text: fc.constant('m'),
  qos,
  retain: fc.oneof({ weight: 2, arbitrary: fc.constant(false) }, { weight: 1, arbitrary: fc.constant(true) }),
})

const entry = fc.record({
  id: ids,
  clean: fc.oneof({ weight: 3, arbitrary: fc.constant(false) }, { weight: 1, arbitrary: fc.constant(true) }),
  lasts: fc.oneof({ weight: 3, arbitrary: fc.constant(true) }, { weight: 1, arbitrary: fc.constant(false) }),
  window: fc.constantFrom(64, 64, 1, 2),
  will: fc.option(said, { nil: undefined }),
})

const wanted = fc.record({ filter: filters, qos, retainAsPublished: fc.boolean(), subscriptionId: fc.nat({ max: 2 }) })

const connect = entry.map(one => new Connect(one))
const leave = fc
  .tuple(ids, fc.constantFrom<Parting>('cut', 'cut', 'farewell', 'farewell with will', 'nonsense'))
  .map(([id, how]) => new Leave(id, how))
const subscribe = fc.tuple(ids, wanted).map(([id, one]) => new Subscribe(id, one))
const unsubscribe = fc.tuple(ids, filters).map(([id, filter]) => new Unsubscribe(id, filter))
const publish = fc.tuple(ids, said, packetIds).map(([id, one, packetId]) => new Publish(id, one, packetId))
/** At most once, because one is like the other: nobody is owed it. */
const clear = fc.tuple(ids, topics).map(([id, topic]) => new Publish(id, { topic, text: '', qos: 0, retain: true }, 0))
const release = fc.tuple(ids, packetIds).map(([id, packetId]) => new Release(id, packetId))
const acknowledge = fc
  .tuple(ids, fc.nat({ max: 5 }), fc.constantFrom<Answer>('next', 'next', 'next', 'early end', 'refusal'))
  .map(([id, which, answer]) => new Acknowledge(id, which, answer))
const stray = fc
  .tuple(ids, fc.constantFrom<'puback' | 'pubrec' | 'pubcomp'>('puback', 'pubrec', 'pubcomp'))
  .map(([id, type]) => new Stray(id, type))
const restart = fc.boolean().map(isKilled => new Restart(isKilled))

/** Weighed by repetition: fast-check chooses evenly. */
export const commands = fc.commands(
  [
    ...[connect, connect, connect],
    ...[subscribe, subscribe, subscribe],
    ...[publish, publish, publish, publish, publish],
    ...[acknowledge, acknowledge, acknowledge, acknowledge],
    ...[leave, clear, release, release, unsubscribe, stray, restart, restart, restart],
  ],
  { size: '+1', maxCommands: 60 },
)
