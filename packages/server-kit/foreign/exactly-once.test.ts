import { describe, expect } from 'vitest'
import { seededRandom } from '../src/testing/messages.ts'
import type { ExactClient } from './support/exact-client.ts'
import { ExactPublisher } from './support/exact-publisher.ts'
import { ExactSubscriber } from './support/exact-subscriber.ts'
import { pubcomp, pubrec, pubrel } from './support/frames.ts'
import { type HubProcess, startHub } from './support/hub.ts'
import { itWith } from './support/peers.ts'
import { createChannel, createThing, readHistory } from './support/provision.ts'
import { openSite } from './support/site.ts'
import { until } from './support/until.ts'

/** A run ends after so many kills, or by default after so much time. */
const roundsAsked = Number(process.env.THINGMESH_ROUNDS ?? 0)
const budgetMs = 40_000
/** What a failing run says, for the next one to begin with. */
const seed = Number(process.env.THINGMESH_SEED ?? Date.now() % 2 ** 31)

const publish = 0x30
const steps = [pubrec, pubcomp, publish, pubrel] as const
type Step = (typeof steps)[number]

describe('QoS 2 under fire', () => {
  itWith([])(
    `loses nothing and repeats nothing, in order, over kills of the hub and cut connections (seed ${seed})`,
    async () => {
      const site = await openSite()
      const hub = await startHub(site, { keepsPorts: false })
      await createChannel(hub, 'telemetry')
      const meter = await createThing(hub, 'meter', ['telemetry'])
      const viewer = await createThing(hub, 'viewer', ['telemetry'])
      const publisher = new ExactPublisher(hub, meter, 'telemetry/n')
      const subscriber = new ExactSubscriber(hub, viewer)
      const clients = [publisher, subscriber] as const
      site.cleanup(async () => {
        for (const client of clients) client.cut()
      })
      await subscriber.connect()
      await subscriber.subscribe('telemetry/#')
      await publisher.connect()

      const random = seededRandom(seed)
      const startedAt = performance.now()
      let rounds = 0
      while (roundsAsked > 0 ? rounds < roundsAsked : performance.now() - startedAt < budgetMs) {
        for (let cuts = random(4); cuts > 0; cuts--) {
          const victim = clients[random(2)]!
          await when(clients, steps[random(4)]!, 1 + random(40), () => {
            // Half of them are taken over instead.
            if (random(2) === 0) victim.cut()
          })
          await victim.connect()
        }
        await when(clients, steps[random(4)]!, 1 + random(120), () => hub.process.signal('SIGKILL'))
        await hub.process.exited
        await hub.start()
        await Promise.all(clients.map(client => client.connect()))
        expectSound(clients)
        rounds += 1
      }

      publisher.drain()
      await until(() => publisher.isIdle && subscriber.numbers.length >= publisher.begun, 'the end of every exchange')
      expectSound(clients)
      const all = Array.from({ length: publisher.begun }, (_, n) => n)
      expect(subscriber.numbers).toEqual(all)
      expect((await readHistory(hub, 'telemetry')).map(({ payload }) => Number(payload))).toEqual(all)
      await expectNothingMore(hub, clients)
      console.info(`QoS 2 under fire: ${rounds} kills, ${all.length} messages, seed ${seed}`)
    },
    roundsAsked > 0 ? 60_000 + roundsAsked * 5_000 : 120_000,
  )
})

/** In the very moment when a client is told a step for the so manieth time from now on, before it acts on it. */
async function when(clients: readonly ExactClient[], step: Step, count: number, act: () => void): Promise<void> {
  let left = count
  const counting = (first: number) => {
    if ((step === publish ? first & 0xf0 : first) !== step) return
    left -= 1
    if (left === 0) act()
  }
  for (const client of clients) client.onPacket = counting
  const isOver = () => left <= 0 || clients.some(({ fault }) => fault !== undefined)
  await until(isOver, `step ${step.toString(16)}`).catch(error => {
    throw new Error(clients.map(({ state }) => state).join('\n'), { cause: error })
  })
  for (const client of clients) client.onPacket = () => {}
}

function expectSound(clients: readonly ExactClient[]): void {
  for (const { fault } of clients) if (fault !== undefined) throw fault
}

/** Another life of the hub, and another connection, bring nothing that was there before. */
async function expectNothingMore(hub: HubProcess, [publisher, subscriber]: readonly [ExactPublisher, ExactSubscriber]) {
  const { length } = subscriber.numbers
  await hub.kill()
  await hub.start()
  await subscriber.connect()
  await publisher.connect()
  // What could come comes before the answer to this.
  await subscriber.subscribe('telemetry/#')
  expectSound([publisher, subscriber])
  expect(subscriber.numbers.length).toBe(length)
}
