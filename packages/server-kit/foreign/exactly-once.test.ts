import { describe, expect } from 'vitest'
import { seededRandom } from '../src/testing/messages.ts'
import type { ExactClient, Fate } from './support/exact-client.ts'
import { ExactPublisher } from './support/exact-publisher.ts'
import { ExactSubscriber } from './support/exact-subscriber.ts'
import { pubcomp, publish, pubrec, pubrel } from './support/frames.ts'
import { type HubProcess, startHub } from './support/hub.ts'
import { itWith } from './support/peers.ts'
import { createChannel, createThing, readHistory } from './support/provision.ts'
import { openSite } from './support/site.ts'
import { until } from './support/until.ts'

/** Where a kill can fall: at each packet of an exchange, in each direction, on its way or when it has arrived. */
const points = (['publisher', 'subscriber'] as const).flatMap(client =>
  Object.entries({ publish, pubrec, pubrel, pubcomp }).flatMap(([name, kind]) =>
    (['lost', 'arrives'] as const).map(fate => {
      const isToHub = (client === 'publisher') === (kind === publish || kind === pubrel)
      const from = isToHub ? client : 'hub'
      return { client, kind, fate, isToHub, name: `${name} from ${from} to ${isToHub ? 'hub' : client} ${fate}` }
    }),
  ),
)
type Point = (typeof points)[number]

/** A round kills the hub at one point and a client at another. By default each point has its turn, of either. */
const rounds = Number(process.env.THINGMESH_ROUNDS || points.length)
/** What a failing run says, for the next one to begin with. */
const seed = Number(process.env.THINGMESH_SEED || Date.now() % 2 ** 31)

describe('QoS 2 under fire', () => {
  itWith([])(
    `loses nothing and repeats nothing, in order, over ${rounds} kills of the hub and of clients at each step (seed ${seed})`,
    async () => {
      const site = await openSite()
      const hub = await startHub(site, { keepsPorts: false })
      await createChannel(hub, 'telemetry')
      const meter = await createThing(hub, 'meter', ['telemetry'])
      const viewer = await createThing(hub, 'viewer', ['telemetry'])
      const publisher = new ExactPublisher(hub, meter, 'telemetry/n')
      const subscriber = new ExactSubscriber(hub, viewer)
      const clients = { publisher, subscriber }
      site.cleanup(async () => {
        for (const client of [publisher, subscriber]) client.cut()
      })
      await subscriber.connect()
      await subscriber.subscribe('telemetry/#')
      await publisher.connect()

      const random = seededRandom(seed)
      const startedAt = performance.now()
      for (let round = 0; round < rounds; round++) {
        const clientPoint = points[(round * 5 + 3) % points.length]!
        const victim = clients[clientPoint.client]
        await strike(clientPoint, clients, 1 + random(40), random(4), () => victim.cut())
        await until(() => !victim.isConnected, `the end of the connection at ${clientPoint.name}`)
        await victim.connect()

        const hubPoint = points[round % points.length]!
        await strike(hubPoint, clients, 1 + random(120), random(4), () => hub.process.signal('SIGKILL'))
        await hub.process.exited
        await hub.start().catch(cause => {
          throw new Error(`the hub does not start again after kill ${round + 1}, ${hubPoint.name}`, { cause })
        })
        // Before or after the other; and half of the time taken over a moment later.
        const order = random(2) === 0 ? [publisher, subscriber] : [subscriber, publisher]
        for (const client of order) await client.connect()
        if (random(2) === 0) await order[random(2)]!.connect()
        expectSound(clients)
      }

      publisher.drain()
      await until(() => publisher.isIdle && subscriber.numbers.length >= publisher.begun, 'the end of every exchange')
      expectSound(clients)
      const all = Array.from({ length: publisher.begun }, (_, n) => n)
      expect(subscriber.numbers).toEqual(all)
      expect((await readHistory(hub, 'telemetry')).map(({ payload }) => Number(payload))).toEqual(all)
      await expectNothingMore(hub, clients)
      const seconds = Math.round((performance.now() - startedAt) / 1000)
      console.info(`QoS 2 under fire: ${rounds} rounds in ${seconds} s, ${all.length} messages, seed ${seed}`)
    },
    120_000 + rounds * 5_000,
  )
})

interface Clients {
  readonly publisher: ExactPublisher
  readonly subscriber: ExactSubscriber
}

/**
 * Kills when the packet of this point is due for the so manieth time from now on. Where it is to arrive at the hub, the
 * hub is given a few milliseconds to get into it, or none.
 */
async function strike(point: Point, clients: Clients, count: number, delayMs: number, kill: () => void): Promise<void> {
  const client = clients[point.client]
  let left = count
  let hasStruck = false
  const struck = () => {
    hasStruck = true
    kill()
  }
  client.fateOf = ({ kind, isToHub }): Fate => {
    if (kind !== point.kind || isToHub !== point.isToHub) return 'arrives'
    left -= 1
    if (left !== 0) return 'arrives'
    if (point.isToHub && point.fate === 'arrives') setTimeout(struck, delayMs)
    else struck()
    return point.fate
  }
  const isOver = () => hasStruck || all(clients).some(({ fault }) => fault !== undefined)
  await until(isOver, point.name).catch(error => {
    throw new Error(
      all(clients)
        .map(({ state }) => state)
        .join('\n'),
      { cause: error },
    )
  })
  client.fateOf = () => 'arrives'
  expectSound(clients)
}

function all({ publisher, subscriber }: Clients): readonly ExactClient[] {
  return [publisher, subscriber]
}

function expectSound(clients: Clients): void {
  for (const { fault } of all(clients)) if (fault !== undefined) throw fault
}

/** Another life of the hub, and another connection, bring nothing that was there before. */
async function expectNothingMore(hub: HubProcess, clients: Clients) {
  const { publisher, subscriber } = clients
  const { length } = subscriber.numbers
  await hub.kill()
  await hub.start()
  await subscriber.connect()
  await publisher.connect()
  // What could come comes before the answer to this.
  await subscriber.subscribe('telemetry/#')
  expectSound(clients)
  expect(subscriber.numbers.length).toBe(length)
}
