import { describe, expect, it, onTestFinished } from 'vitest'
import { type ClientMessage, openClient, type ReceivedMessage, type TypedMessage } from '../../src/client/index.ts'
import { cborFormat } from '../../src/schema/cbor.ts'
import { defineChannel, number, string, time } from '../../src/schema/index.ts'
import { senmlJsonFormat } from '../../src/schema/senml.ts'
import { rejection } from './scripted-server.ts'
import { scriptedTransport, until } from './scripted-transport.ts'

const Telemetry = defineChannel({
  name: 'telemetry',
  fields: { celsius: number({ unit: 'Cel', max: 85 }), label: string().optional(), at: time().optional() },
  formats: [cborFormat, senmlJsonFormat],
})
type Reading = ReturnType<typeof Telemetry.validate>

async function open() {
  const transport = scriptedTransport()
  const client = await openClient(transport)
  onTestFinished(() => client.close())
  return { transport, client, telemetry: client.channel(Telemetry) }
}

const cbor = Telemetry.encode({ celsius: 3 }).payload

/** What devices publish, with what a reader makes of it. */
const told: readonly (readonly [facts: Partial<ClientMessage>, found: unknown])[] = [
  [{ payload: { celsius: 1 }, encoding: 'json', contentType: 'application/json' }, { celsius: 1 }],
  [{ payload: { celsius: 'hot' }, encoding: 'json', contentType: 'application/json' }, ['invalid-argument', 'celsius']],
  [{ payload: cbor, encoding: 'bytes', contentType: 'application/cbor' }, { celsius: 3 }],
  [{ payload: 'x', encoding: 'text', contentType: 'text/plain' }, ['unsupported', undefined]],
  [
    {
      payload: [{ n: 'celsius', v: 5, t: -1 }],
      encoding: 'json',
      contentType: 'application/senml+json',
      acceptedAtMs: Date.UTC(2026, 10, 23, 10, 0, 1),
    },
    { celsius: 5, at: new Date('2026-11-23T10:00:00.000Z') },
  ],
  [{ payload: '{"celsius"', encoding: 'text', contentType: 'application/json' }, ['invalid-argument', undefined]],
  // A device that has no content types speaks what the channel speaks.
  [{ payload: cbor, encoding: 'bytes', contentType: '' }, { celsius: 3 }],
]
const messages = told.map(
  ([facts], at) =>
    ({
      ...{
        topic: 'telemetry/room1',
        channel: 'telemetry',
        subtopic: 'room1',
        delivery: 'at-least-once',
        retain: false,
      },
      ...{ id: `h.e.${at}`, cursor: `c${at}`, publisher: 'thing:1', protocol: 'mqtt', acceptedAtMs: 1 },
      ...facts,
    }) as ReceivedMessage,
)

const found = ({ value, error }: TypedMessage<Reading>): unknown =>
  error === undefined ? value : [error.code, error.details.path]

describe('a typed channel', () => {
  it('publishes as the definition writes, below the channel', async () => {
    const { transport, telemetry } = await open()
    const receipt = telemetry.publish({ celsius: 21.5 }, { subtopic: 'room1', retain: true })
    await until(() => transport.sent.length === 1)
    const [{ draft, acknowledge } = expect.fail()] = transport.sent
    expect(draft).toMatchObject({ topic: 'telemetry/room1', contentType: 'application/cbor', retain: true })
    expect(Telemetry.decode(draft.payload, draft.contentType)).toEqual({ celsius: 21.5 })
    acknowledge({ id: 'h.e.1' })
    expect(await receipt).toEqual({ id: 'h.e.1' })
  })

  it('sends nothing that does not fit', async () => {
    const { transport, client, telemetry } = await open()
    for (const value of [{ celsius: 86 }, { celsius: 1, lable: 'x' }, undefined]) {
      expect(await rejection((async () => telemetry.publish(value as Reading))())).toMatchObject({
        code: 'invalid-argument',
        outcome: 'not-sent',
        details: { channel: 'telemetry' },
      })
    }
    expect(client.outbox.stats().count).toBe(0)
    expect(transport.sent).toEqual([])
  })

  it('gives each message its value, or the reason why it has none, and goes on', async () => {
    const { transport, telemetry } = await open()
    const reader = telemetry.subscribe({ pattern: 'room1' })
    await reader.confirmed
    expect(transport.subscribed[0]).toMatchObject({ filter: 'telemetry/room1' })
    for (const message of messages) void transport.subscribed[0]!.onMessage(message)
    const seen: unknown[] = []
    for await (const message of reader) {
      // What was published stays beside the value.
      expect(message.payload).toEqual(messages[seen.length]!.payload)
      seen.push(found(message))
      if (seen.length === messages.length) break
    }
    expect(seen).toEqual(told.map(([, value]) => value))
    expect((await reader[Symbol.asyncIterator]().next()).done).toBe(true)
  })

  it('calls back with the same, one at a time, and tells of a callback that throws', async () => {
    const { transport, client, telemetry } = await open()
    const failures: unknown[] = []
    client.on('callbackFailed', ({ error }) => failures.push(error))
    const seen: unknown[] = []
    await telemetry.subscribe(message => {
      seen.push(found(message))
      if (seen.length === 1) throw new Error('mine')
    }).confirmed
    for (const message of messages) await transport.subscribed[0]!.onMessage(message)
    expect(seen).toEqual(told.map(([, value]) => value))
    expect(failures).toEqual([new Error('mine')])
  })

  it('has typed history and last values', async () => {
    const { transport, telemetry } = await open()
    transport.log = messages
    transport.lastValues = messages.slice(1, 3)
    const history: unknown[] = []
    for await (const message of telemetry.history()) history.push([message.cursor, found(message)])
    expect(history).toEqual(told.map(([, value], at) => [`c${at}`, value]))
    expect((await telemetry.latest()).map(found)).toEqual(told.slice(1, 3).map(([, value]) => value))
  })

  it('keeps to the limits of its outbox', async () => {
    const { client } = await open()
    expect(() => client.channel(Telemetry, { countMax: 0 })).toThrow(TypeError)
  })
})
