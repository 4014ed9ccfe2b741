import type { Connection, OutgoingDraft, Transport } from '../client/index.ts'
import { platform } from '../client/platform.ts'
import { encodeUtf8 } from '../codec/utf8.ts'
import { isThingmeshError } from '../errors/index.ts'
import { check, refusal, same } from './expect.ts'
import { subscribed, TransportInbox } from './transport-inbox.ts'
import type { TransportCapability, TransportSite } from './transport-site.ts'

export interface TransportCase {
  readonly name: string
  readonly needs?: readonly TransportCapability[]
  run(site: TransportSite): Promise<void>
}

/** What every transport does, against a hub. A test runner gives each case a site of its own and calls `run`. */
export const transportCases: readonly TransportCase[] = [
  {
    name: 'publishes: what is acknowledged is in the log',
    async run(site) {
      const connection = await open(site)
      for (const text of ['a', 'b', 'c']) {
        await connection.publish(draft(text))
        same((await site.stored()).at(-1), text)
      }
    },
  },
  {
    name: 'has as many publishes under way as it says, and they are stored in order',
    async run(site) {
      const connection = await open(site)
      const texts = Array.from({ length: 200 }, (_, n) => `${n}`)
      const underWay = new Set<Promise<unknown>>()
      for (const text of texts) {
        const sent: Promise<unknown> = connection.publish(draft(text)).then(() => underWay.delete(sent))
        underWay.add(sent)
        if (underWay.size >= connection.inFlightMax) await Promise.race(underWay)
      }
      await Promise.all(underWay)
      same(await site.stored(), texts)
    },
  },
  {
    name: 'sends at-most-once without waiting for the log',
    async run(site) {
      const connection = await open(site)
      const inbox = await subscribed(connection, 'telemetry/#')
      await connection.publish(draft('now', { delivery: 'at-most-once' }))
      await inbox.has('now')
      same(inbox.messages[0]?.delivery, 'at-most-once')
    },
  },
  {
    name: 'stores once what is sent again under its key, over connections and restarts',
    async run(site) {
      const transport = site.transport()
      const first = await transport.open(calm())
      await first.publish(draft('once', { key: 'key.1' }))
      await first.publish(draft('once', { key: 'key.1' }))
      await first.close(false)
      await site.stop()
      await site.start()
      const second = await openAgain(transport)
      await second.publish(draft('once', { key: 'key.1' }))
      await second.publish(draft('another', { key: 'key.2' }))
      same(await site.stored(), ['once', 'another'])
      await second.close(true)
    },
  },
  {
    name: 'hears what it asked for, whole and nothing else',
    async run(site) {
      const connection = await open(site)
      const inbox = await subscribed(connection, 'telemetry/room1/#')
      await site.publish('elsewhere', 'room2')
      await site.publish('first', 'room1')
      await connection.publish(draft('{"t":22}', { topic: 'telemetry/room1/a/b', contentType: 'application/json' }))
      await inbox.count(2)
      const [first, second] = inbox.messages
      same(pick(first), ['telemetry/room1', 'telemetry', 'room1', 'text/plain;charset=utf-8', 'text', 'first'])
      same(pick(second), ['telemetry/room1/a/b', 'telemetry', 'room1/a/b', 'application/json', 'json', { t: 22 }])
      same(
        inbox.messages.map(({ delivery, retain }) => [delivery, retain]),
        [
          ['at-least-once', false],
          ['at-least-once', false],
        ],
      )
    },
  },
  {
    name: 'hears one address alone',
    async run(site) {
      const connection = await open(site)
      const inbox = await subscribed(connection, 'telemetry/room1')
      await site.publish('below', 'room1/a')
      for (let n = 0; n < 20; n++) await site.publish(`${n}`, 'room1')
      await inbox.count(20)
      same(
        inbox.texts,
        Array.from({ length: 20 }, (_, n) => `${n}`),
      )
      same(inbox.messages[0]?.topic, 'telemetry/room1')
    },
  },
  {
    name: 'carries 60,000 bytes, both ways',
    async run(site) {
      const connection = await open(site)
      const inbox = await subscribed(connection, 'telemetry/#')
      const large = Array.from({ length: 7_500 }, (_, n) => `${n}`.padStart(8, '.')).join('')
      await connection.publish(draft(large))
      await inbox.count(1)
      check(inbox.texts[0] === large, 'what came is not what was sent')
      check((await site.stored())[0] === large, 'what is stored is not what was sent')
    },
  },
  {
    name: 'keeps subscriptions apart',
    async run(site) {
      const connection = await open(site)
      const [a, b] = [await subscribed(connection, 'telemetry/a/#'), await subscribed(connection, 'telemetry/b/#')]
      for (let n = 0; n < 5; n++) {
        await site.publish(`a${n}`, 'a/x')
        await site.publish(`b${n}`, 'b')
      }
      await a.count(5)
      await b.count(5)
      same(a.texts, ['a0', 'a1', 'a2', 'a3', 'a4'])
      same(b.texts, ['b0', 'b1', 'b2', 'b3', 'b4'])
    },
  },
  {
    name: 'hears no more of what it left',
    async run(site) {
      const connection = await open(site)
      const left = await subscribed(connection, 'telemetry/a/#')
      const kept = await subscribed(connection, 'telemetry/b/#')
      await site.publish('1', 'a')
      await left.count(1)
      await connection.unsubscribe('telemetry/a/#')
      await site.publish('2', 'a')
      await site.publish('marker', 'b')
      await kept.has('marker')
      same(left.texts, ['1'])
      await connection.unsubscribe('telemetry/never')
    },
  },
  {
    name: 'hears nothing of what it left before it was confirmed, and comes back to it',
    async run(site) {
      const connection = await open(site)
      const left = new TransportInbox()
      const leave = (): Promise<unknown> => {
        const subscribing = connection.subscribe(left.request('telemetry/a/#')).catch(() => undefined)
        return Promise.all([subscribing, connection.unsubscribe('telemetry/a/#')])
      }
      await leave()
      const kept = await subscribed(connection, 'telemetry/b/#')
      await site.publish('1', 'a')
      await site.publish('marker', 'b')
      await kept.has('marker')
      same(left.texts, [])
      const leaving = leave()
      const back = await subscribed(connection, 'telemetry/a/#')
      await leaving
      await site.publish('2', 'a')
      await back.has('2')
      same(left.texts, [])
      same(back.texts, ['2'])
    },
  },
  {
    name: 'gives the last value of what it subscribes to, as one',
    needs: ['replay'],
    async run(site) {
      const connection = await open(site)
      await connection.publish(draft('kept', { topic: 'telemetry/room1', retain: true }))
      for (const filter of ['telemetry/room1', 'telemetry/+']) {
        const inbox = await subscribed(await open(site), filter)
        await inbox.count(1)
        await connection.publish(draft('new', { topic: 'telemetry/room1' }))
        await inbox.count(2)
        same(
          inbox.messages.map(({ topic, payload, retain }) => [topic, payload, retain]),
          [
            ['telemetry/room1', 'kept', true],
            ['telemetry/room1', 'new', false],
          ],
        )
      }
    },
  },
  {
    name: 'reads last values',
    needs: ['latest'],
    async run(site) {
      const connection = await open(site)
      for (const n of [1, 2, 3]) {
        await connection.publish(draft(`${n}`, { topic: `telemetry/r${n % 2}`, retain: true }))
      }
      const read = async (filter: string) =>
        (await connection.latest?.(filter, undefined))?.map(({ payload }) => payload)
      same(await read('telemetry/r1'), ['3'])
      same(await read('telemetry/none'), [])
    },
  },
  {
    name: 'reads the log, page by page',
    needs: ['history'],
    async run(site) {
      const connection = await open(site)
      for (let n = 0; n < 5; n++) await connection.publish(draft(`${n}`, { topic: `telemetry/r${n % 2}` }))
      const first = await connection.read?.('telemetry/#', { limit: 3 })
      same(
        first?.messages.map(({ payload }) => payload),
        ['0', '1', '2'],
      )
      const rest = await connection.read?.('telemetry/#', { after: first?.next, limit: 3 })
      same(
        rest?.messages.map(({ payload }) => payload),
        ['3', '4'],
      )
      same(rest?.complete, true)
    },
  },
  {
    name: 'carries reply topics, correlation and headers',
    needs: ['properties'],
    async run(site) {
      const connection = await open(site)
      const inbox = await subscribed(connection, 'telemetry/#')
      const properties = { replyTo: 'telemetry/answers', correlation: Uint8Array.of(0, 255) }
      const headers: [string, string][] = [
        ['a', '1'],
        ['a', '2'],
      ]
      await connection.publish(draft('asked', { properties: { ...properties, headers } }))
      await inbox.count(1)
      const found = inbox.messages[0]?.properties
      same([found?.replyTo, found?.correlation, found?.headers], [...Object.values(properties), headers])
    },
  },
  {
    name: 'is refused with a wrong key',
    async run(site) {
      await refusal(site.stranger().open(calm()), ['unauthenticated'], 'rejected')
    },
  },
  {
    name: 'says so where there is no hub',
    async run(site) {
      await site.stop()
      const error = await refusal(site.transport().open(calm()), ['unavailable', 'timeout'])
      check(error.outcome !== 'rejected', 'nobody was there to refuse')
    },
  },
  {
    name: 'tells of a refused publish and a refused filter, and lives on',
    async run(site) {
      const connection = await open(site)
      await refusal(connection.publish(draft('x', { topic: 'secrets/a' })), ['permission-denied'], 'rejected')
      const refused = new TransportInbox()
      await refusal(connection.subscribe(refused.request('secrets/#')), ['permission-denied'], 'rejected')
      const inbox = await subscribed(connection, 'telemetry/#')
      await connection.publish(draft('still here'))
      await inbox.has('still here')
      same(refused.texts, [])
    },
  },
  {
    name: 'is told that it may not hear any more what it heard, and may again',
    async run(site) {
      const transport = site.transport()
      const connection = await transport.open(calm())
      const inbox = await subscribed(connection, 'telemetry/#')
      await site.publish('before', 'a')
      await inbox.has('before')
      await site.grant(false)
      await site.publish('meanwhile', 'a')
      // By the end of the subscription, or of the connection.
      const isOver = await Promise.race([inbox.refused.then(() => false), connection.closed.then(() => true)])
      const next = isOver ? await transport.open(calm()) : connection
      const again = new TransportInbox()
      await refusal(next.subscribe(again.request('telemetry/#', isOver)), ['permission-denied'], 'rejected')
      await refusal(next.publish(draft('no more')), ['permission-denied'], 'rejected')
      check(!inbox.texts.includes('meanwhile'), 'heard what it had no right to')
      await site.grant(true)
      await next.subscribe(again.request('telemetry/#'))
      await site.publish('after', 'a')
      await again.has('after')
    },
  },
  {
    name: 'ends when its key is taken away, and is refused then',
    async run(site) {
      const transport = site.transport()
      const connection = await transport.open(calm())
      await subscribed(connection, 'telemetry/#')
      await site.removeThing()
      await connection.closed
      await refusal(transport.open(calm()), ['unauthenticated'], 'rejected')
    },
  },
  {
    name: 'closes for good, and twice',
    async run(site) {
      const transport = site.transport()
      const connection = await transport.open(calm())
      const inbox = await subscribed(connection, 'telemetry/#')
      await connection.close(true)
      await connection.close(true)
      await connection.closed
      await refusal(connection.publish(draft('late')), ['unavailable', 'canceled'], 'not-sent')
      const other = await open(site)
      await other.publish(draft('by another'))
      same(inbox.texts, [])
      same(await site.stored(), ['by another'])
    },
  },
  {
    name: 'gives up opening when it is told to',
    async run(site) {
      const controller = new (platform().AbortController)()
      controller.abort()
      await refusal(site.transport().open(controller.signal), ['canceled', 'unavailable'])
    },
  },
  {
    name: 'gives up opening in the midst of it',
    needs: ['network'],
    async run(site) {
      site.freeze()
      const controller = new (platform().AbortController)()
      const opening = site.transport().open(controller.signal)
      platform().setTimeout(() => controller.abort(), 0)
      await refusal(opening, ['canceled', 'unavailable'])
      site.thaw()
    },
  },
  {
    name: 'ends when the hub does, and opens again when it is back',
    async run(site) {
      const transport = site.transport()
      const connection = await transport.open(calm())
      const inbox = await subscribed(connection, 'telemetry/#')
      await site.stop()
      const reason = await connection.closed
      check(reason.retryable, `ended with ${reason.code}, which is not to be tried again`)
      await refusal(connection.publish(draft('lost')), ['unavailable', 'timeout', 'canceled'])
      await site.start()
      const again = await openAgain(transport)
      await again.subscribe(inbox.request('telemetry/#', true))
      await again.publish(draft('back'))
      await inbox.has('back')
      await again.close(true)
    },
  },
  {
    name: 'misses nothing over a restart of the hub, or says that it may have',
    async run(site) {
      await resumes(site, async () => {
        await site.stop()
        await site.start()
      })
    },
  },
  {
    name: 'misses nothing over a cut, or says that it may have',
    needs: ['network'],
    async run(site) {
      await resumes(site, async () => site.cut())
    },
  },
  {
    name: 'misses nothing of what came while it was away',
    needs: ['resume'],
    run: site => resumesForSure(site),
  },
  {
    name: 'notices a network that is gone and does not say so',
    needs: ['network'],
    async run(site) {
      const transport = site.transport()
      const connection = await transport.open(calm())
      await subscribed(connection, 'telemetry/#')
      site.freeze()
      const reason = await connection.closed
      check(reason.retryable, `ended with ${reason.code}, which is not to be tried again`)
      site.thaw()
      const again = await openAgain(transport)
      await again.publish(draft('through'))
      same(await site.stored(), ['through'])
      await again.close(true)
    },
  },
  {
    name: 'does not wait for ever for an acknowledgement',
    needs: ['network'],
    async run(site) {
      const connection = await open(site)
      site.freeze()
      await refusal(connection.publish(draft('into the void')), ['timeout', 'unavailable'], 'unknown')
      await connection.closed
      site.thaw()
    },
  },
  {
    name: 'leaves at the hub what a slow reader has not taken',
    needs: ['backpressure'],
    async run(site) {
      const connection = await open(site)
      const inbox = new TransportInbox(false)
      await connection.subscribe(inbox.request('telemetry/#'))
      const texts = Array.from({ length: 2_500 }, (_, n) => `${n}`)
      for (let n = 0; n < texts.length; n += 100) {
        await Promise.all(texts.slice(n, n + 100).map(text => site.publish(text, 'a')))
      }
      for (let n = 0; n < texts.length; n++) await inbox.take()
      same(inbox.texts, texts)
      check(inbox.peak <= 1_024, `${inbox.peak} messages were waiting for the reader`)
    },
  },
]

/** Over an interruption either nothing is missed, or `resumed` says that something may have been. */
async function resumes(site: TransportSite, interrupt: () => Promise<void>): Promise<boolean> {
  const transport = site.transport()
  const first = await transport.open(calm())
  const inbox = await subscribed(first, 'telemetry/#')
  await site.publish('1', 'a')
  await inbox.has('1')
  await interrupt()
  await first.closed
  await site.publish('2', 'a')
  const second = await openAgain(transport)
  const { resumed } = await second.subscribe(inbox.request('telemetry/#', true))
  await site.publish('3', 'a')
  await inbox.has('3')
  // What was taken just before may come again.
  if (resumed) same([...new Set(inbox.texts)], ['1', '2', '3'])
  await second.close(true)
  return resumed
}

async function resumesForSure(site: TransportSite): Promise<void> {
  const restart = async (): Promise<void> => {
    await site.stop()
    await site.start()
  }
  check(await resumes(site, restart), 'the subscription was not resumed')
}

async function open(site: TransportSite): Promise<Connection> {
  return site.transport().open(calm())
}

/** As the client's loop does: what may pass is tried again. */
async function openAgain(transport: Transport): Promise<Connection> {
  for (;;) {
    try {
      return await transport.open(calm())
    } catch (error) {
      if (!isThingmeshError(error) || !error.retryable) throw error
      await new Promise<void>(resolve => platform().setTimeout(resolve, 10))
    }
  }
}

/** A signal that is never given. */
function calm() {
  return new (platform().AbortController)().signal
}

function draft(text: string, other: Partial<OutgoingDraft> = {}): OutgoingDraft {
  return {
    topic: 'telemetry/room1',
    payload: encodeUtf8(text),
    contentType: 'text/plain;charset=utf-8',
    delivery: 'at-least-once',
    retain: false,
    key: undefined,
    ...other,
  }
}

function pick(message: TransportInbox['messages'][number] | undefined): readonly unknown[] {
  return [
    message?.topic,
    message?.channel,
    message?.subtopic,
    message?.contentType,
    message?.encoding,
    message?.payload,
  ]
}
