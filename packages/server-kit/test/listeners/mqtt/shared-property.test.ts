import type { QoS } from '@thingmesh/core/mqtt'
import fc from 'fast-check'
import { describe, expect, it, vi } from 'vitest'
import { memoryStore } from '../../../src/store/memory/index.ts'
import { type SeveredStore, severable } from '../../support/severed-store.ts'
import { lasting, type Site, startSite, type Thing } from './fixture.ts'
import { type ConnectOptions, type TestPeer, textOf } from './peer.ts'

const share = '$share/workers/telemetry/#'

type Step =
  | { readonly do: 'publish'; readonly count: number; readonly qos: QoS; readonly subtopic: string }
  | { readonly do: 'come' | 'go' | 'leave'; readonly who: number }
  | { readonly do: 'answer'; readonly who: number; readonly count: number }
  | { readonly do: 'kill' }

const who = fc.integer({ min: 0, max: 5 })
const step: fc.Arbitrary<Step> = fc.oneof(
  {
    weight: 3,
    arbitrary: fc.record({
      do: fc.constant('publish' as const),
      count: fc.integer({ min: 1, max: 20 }),
      qos: fc.constantFrom<QoS>(1, 2),
      subtopic: fc.constantFrom('a', 'b'),
    }),
  },
  {
    weight: 4,
    arbitrary: fc.record({ do: fc.constant('answer' as const), who, count: fc.integer({ min: 1, max: 12 }) }),
  },
  { weight: 3, arbitrary: fc.record({ do: fc.constantFrom('come' as const, 'go' as const), who }) },
  { weight: 1, arbitrary: fc.record({ do: fc.constant('leave' as const), who: fc.integer({ min: 1, max: 5 }) }) },
  { weight: 1, arbitrary: fc.constant({ do: 'kill' as const }) },
)

const soon = (check: () => void) => vi.waitFor(check, { timeout: 15_000, interval: 2 })

/** A member as the specification wants it: it keeps what it has received exactly-once until it is released (MQTT 5, section 4.3.3). */
class Member {
  readonly #thing: Thing
  readonly #options: ConnectOptions
  readonly #isLasting: boolean
  /** How often each text was received, by anybody. */
  readonly #received: Map<string, number>
  readonly #unreleased = new Set<number>()
  peer: TestPeer | undefined

  constructor(thing: Thing, options: ConnectOptions, isLasting: boolean, received: Map<string, number>) {
    this.#thing = thing
    this.#options = options
    this.#isLasting = isLasting
    this.#received = received
  }

  async come(site: Site): Promise<void> {
    if (this.peer !== undefined) return
    const peer = await site.open()
    peer.acknowledges = false
    const { sessionPresent } = await peer.connect(site.credentials(this.#thing, this.#options))
    if (!sessionPresent) this.#unreleased.clear()
    expect(await peer.subscribe(share, { qos: 2 })).toEqual([2])
    this.peer = peer
  }

  cut(): void {
    this.peer?.cut()
    this.peer = undefined
    if (!this.#isLasting) this.#unreleased.clear()
  }

  async go(site: Site): Promise<void> {
    if (this.peer === undefined) return
    const connected = site.counter('thingmesh_sessions')
    this.cut()
    await soon(() => expect(site.counter('thingmesh_sessions')).toBe(connected - 1))
  }

  /** Answers so many packets, in the order in which they came. */
  async answer(count: number): Promise<number> {
    await this.peer?.arrived()
    const answers = this.hear(count)
    for (const [type, packetId] of answers) this.peer!.say(type, packetId)
    await this.peer?.arrived()
    return answers.length
  }

  /** Takes so many of the packets that have come, and has the answers ready. */
  hear(count: number): (readonly ['pubcomp' | 'pubrec' | 'puback', number])[] {
    return (this.peer?.packets.splice(0, count) ?? []).map(packet => {
      if (packet.type === 'pubrel') {
        this.#unreleased.delete(packet.packetId)
        return ['pubcomp', packet.packetId]
      }
      if (packet.type !== 'publish') throw new Error(`a ${packet.type} that nobody asked for`)
      const isRepeat = packet.qos === 2 && this.#unreleased.has(packet.packetId)
      if (packet.qos === 2) this.#unreleased.add(packet.packetId)
      const text = textOf(packet)
      if (!isRepeat) this.#received.set(text, (this.#received.get(text) ?? 0) + 1)
      return [packet.qos === 2 ? 'pubrec' : 'puback', packet.packetId]
    })
  }
}

describe('a shared subscription', () => {
  it('gives every message of QoS 1 to somebody, and none of QoS 2 twice, whoever comes, goes, leaves, is killed and may have what', async () => {
    await fc.assert(
      fc.asyncProperty(fc.array(step, { minLength: 5, maxLength: 40 }), async steps => {
        const data = memoryStore()
        let way: SeveredStore = severable(data)
        const limits = { windowMax: 5, queueMessagesMax: 16 }
        let site = await startSite({ store: way, limits })
        const thing = await site.thing('sensor')
        let writer = await site.connect(thing)
        const [onlyA, onlyB] = await Promise.all(
          ['a', 'b'].map(pattern => site.thing(pattern, [{ channel: 'telemetry', actions: ['subscribe'], pattern }])),
        )
        const received = new Map<string, number>()
        // The first one never leaves for good, so the group lasts, and somebody may have whatever is published.
        const members = [
          new Member(thing, lasting(5, 'one'), true, received),
          new Member(thing, lasting(5, 'two'), true, received),
          new Member(thing, { clientId: 'three' }, false, received),
          new Member(thing, { clientId: 'four' }, false, received),
          new Member(onlyA!, lasting(5, 'five'), true, received),
          new Member(onlyB!, { clientId: 'six' }, false, received),
        ]
        await members[0]!.come(site)
        const published = new Map<string, QoS>()
        /** Begun with a member whose session ended: they may be missing. */
        let gone = 0
        const countGone = () => {
          gone += site.counter('thingmesh_messages_dropped_total', { reason: 'member-gone' })
        }
        for (const one of steps) {
          if (one.do === 'publish') {
            for (let i = 0; i < one.count; i++) {
              const text = String(published.size)
              published.set(text, one.qos)
              expect(await writer.publish(`telemetry/${one.subtopic}`, text, { qos: one.qos })).toBe(0)
            }
          } else if (one.do === 'come') await members[one.who]!.come(site)
          else if (one.do === 'go') await members[one.who]!.go(site)
          else if (one.do === 'answer') await members[one.who]!.answer(one.count)
          else if (one.do === 'leave') {
            const { peer } = members[one.who]!
            if (peer !== undefined && peer.packets.length === 0) await peer.unsubscribe(share)
          } else {
            for (const member of members) await member.peer?.arrived()
            way.sever()
            // What they would have said comes too late: the hub that is next does not know that they have it.
            for (const member of members) member.hear(4)
            for (const member of members) member.cut()
            countGone()
            way = severable(data)
            site = await startSite({ store: way, limits })
            writer = await site.connect(thing)
          }
        }
        for (const member of members) await member.come(site)
        for (let quiet = 0; quiet < 3; ) {
          let answered = 0
          for (const member of members) answered += await member.answer(1000)
          quiet = answered === 0 ? quiet + 1 : 0
          if (answered === 0) await new Promise(resolve => setImmediate(resolve))
        }
        countGone()
        const missing = [...published].filter(([text]) => !received.has(text))
        expect(missing.filter(([, qos]) => qos === 1)).toEqual([])
        expect(missing.length).toBeLessThanOrEqual(gone)
        const twice = [...received].filter(([text, times]) => times > 1 && published.get(text) === 2)
        expect(twice).toEqual([])
        await site.hub.stop()
      }),
      { numRuns: 60 },
    )
  }, 120_000)
})
