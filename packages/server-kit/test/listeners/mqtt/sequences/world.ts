import type { ProtocolLevel, PublishPacket } from '@thingmesh/core/mqtt'
import { expect, vi } from 'vitest'
import { createHub, type Hub } from '../../../../src/index.ts'
import { mqttListener } from '../../../../src/listeners/mqtt/index.ts'
import { memoryStore } from '../../../../src/store/memory/index.ts'
import { severable } from '../../../support/severed-store.ts'
import { dial } from '../dial.ts'
import { TestPeer, textOf } from '../peer.ts'
import type { Delivery, Due, Said, SessionModel } from './model.ts'

const waitMs = Number(process.env.THINGMESH_WAIT ?? 5_000)

/** A hub that is stopped, killed and started again on its store, and the peers that are connected to it. */
export class World {
  readonly level: ProtocolLevel
  readonly peers = new Map<string, TestPeer>()
  readonly #store = memoryStore()
  readonly #keys = new Map<string, string>()
  #hub!: Hub
  #kill!: () => void
  #port = 0
  #said = 0

  constructor(level: ProtocolLevel) {
    this.level = level
  }

  async start(): Promise<void> {
    const store = severable(this.#store)
    const door = mqttListener({ port: 0 })
    this.#hub = await createHub({ store, listeners: [door], onFault: () => {} })
    await this.#hub.start()
    this.#kill = () => store.sever()
    this.#port = door.address!.port
    if (this.#keys.size > 0) return
    await this.#hub.control.channels.create({ name: 'telemetry' })
    for (const name of things) {
      const { key } = await this.#hub.control.things.create({ name })
      await this.#hub.control.grants.create({ thing: name, channel: 'telemetry', actions: ['publish', 'subscribe'] })
      this.#keys.set(name, key.secret)
    }
  }

  async stop(isKilled: boolean): Promise<void> {
    if (isKilled) this.#kill()
    await this.#hub.stop().catch(error => {
      if (!isKilled) throw error
    })
    for (const peer of this.peers.values()) peer.cut()
    this.peers.clear()
  }

  async open(id: string): Promise<{ peer: TestPeer; username: string; password: string; clientId: string }> {
    const peer = new TestPeer(await dial.tcp(this.#port), this.level)
    peer.acknowledges = false
    const [username = '', clientId = ''] = id.split(' ')
    return { peer, username, password: this.#keys.get(username)!, clientId }
  }

  fresh(from: string, said: Omit<Said, 'from'>): Said {
    this.#said += 1
    return { ...said, from, text: said.text === '' ? '' : `${said.text}${this.#said}` }
  }

  /** The hub has noticed that somebody is gone. */
  async isGone(): Promise<void> {
    await vi.waitFor(() => expect(this.#counter('thingmesh_sessions')).toBe(this.peers.size), { interval: 1 })
  }

  #counter(name: string): number {
    const samples = this.#hub.meter.collect().find(one => one.name === name)?.samples ?? []
    return samples.reduce((sum, { value }) => sum + value, 0)
  }

  /** Everybody has what the model says that they must have, and nothing else. */
  async settle(sessions: ReadonlyMap<string, SessionModel>): Promise<void> {
    for (const [id, session] of sessions) if (session.isConnected) await this.#settle(id, session)
  }

  async #settle(id: string, session: SessionModel): Promise<void> {
    const peer = this.peers.get(id)!
    const due = session.due
    session.due = []
    const deadline = performance.now() + waitMs
    while (due.length > 0) {
      this.#takeAll(id, peer, session, due)
      if (due.length === 0) break
      if (performance.now() > deadline) throw new Error(`${id} was not sent ${due.map(describe).join(', ')}`)
      await peer.arrived()
    }
    await peer.arrived()
    this.#takeAll(id, peer, session, due)
  }

  #takeAll(id: string, peer: TestPeer, session: SessionModel, due: Due[]): void {
    for (const packet of peer.packets.splice(0)) {
      if (packet.type === 'publish') this.#takePublish(id, peer, session, due, packet)
      else if (packet.type === 'pubrel') {
        const at = due.findIndex(({ type, delivery }) => type === 'pubrel' && delivery.packetId === packet.packetId)
        if (at >= 0) due.splice(at, 1)
        else if (session.toleratesRelease) peer.say('pubcomp', packet.packetId)
        else throw new Error(`${id} was sent PUBREL ${packet.packetId}, which is not due`)
      } else throw new Error(`${id} was sent ${packet.type}`)
    }
  }

  #takePublish(id: string, peer: TestPeer, session: SessionModel, due: Due[], packet: PublishPacket): void {
    const text = textOf(packet)
    const matching = (one: Delivery) => one.text === text && one.topic === packet.topic
    const at = due.findIndex(({ type, delivery }) => type === 'publish' && matching(delivery))
    if (at < 0) {
      if (!session.tolerated.has(text))
        throw new Error(`${id} was sent ${text} under ${packet.packetId}, which is not due`)
      if (packet.qos === 1) peer.say('puback', packet.packetId)
      if (packet.qos === 2) peer.say('pubrec', packet.packetId)
      return
    }
    const { delivery } = due.splice(at, 1)[0]!
    const passed = due.slice(0, at).find(one => one.type === 'publish' && isOrdered(one.delivery, delivery))
    if (passed !== undefined) throw new Error(`${id} was sent ${text} before ${passed.delivery.text}`)
    const { qos, retain, subscriptionIds } = delivery
    const found = {
      text,
      qos: packet.qos,
      retain: packet.retain,
      ids: [...(packet.properties?.subscriptionIdentifiers ?? [])].sort(),
    }
    expect(found).toEqual({ text, qos, retain, ids: [...subscriptionIds].sort() })
    if (qos === 0) return
    if (delivery.packetId > 0)
      expect({ text, packetId: packet.packetId }).toEqual({ text, packetId: delivery.packetId })
    const holder = session.deliveries.find(one => one !== delivery && one.packetId === packet.packetId)
    if (holder !== undefined)
      throw new Error(`${id} was sent ${text} under ${packet.packetId}, which is that of ${holder.text}`)
    if (packet.dup && !delivery.isAgain && !delivery.mayBeAgain)
      throw new Error(`${id} was sent ${text} with DUP the first time`)
    if (delivery.isAgain && !delivery.mayBeAgain && !packet.dup)
      throw new Error(`${id} was sent ${text} again without DUP`)
    delivery.packetId = packet.packetId
  }
}

export const things = ['one', 'two'] as const

function describe({ type, delivery: { text, packetId } }: Due): string {
  return `${type} of ${text}${packetId > 0 ? ` under ${packetId}` : ''}`
}

/** What one publisher says on one topic comes in that order; at-most-once messages have an order of their own, and so have replayed values. */
function isOrdered(one: Delivery, other: Delivery): boolean {
  const isSame = one.topic === other.topic && one.from === other.from
  return isSame && one.isReplay === other.isReplay && one.qos > 0 === other.qos > 0
}
