import { describe, expect, it } from 'vitest'
import { connectHttp, typedChannel } from '../../src/client/index.ts'
import { cborFormat } from '../../src/schema/cbor.ts'
import { defineChannel, number, string, time } from '../../src/schema/index.ts'
import { senmlJsonFormat } from '../../src/schema/senml.ts'
import { rejection, scriptedServer, wireMessage } from './scripted-server.ts'

const Telemetry = defineChannel({
  name: 'telemetry',
  fields: { celsius: number({ unit: 'Cel', max: 85 }), label: string().optional(), at: time().optional() },
  formats: [cborFormat, senmlJsonFormat],
})

describe('a typed channel over http', () => {
  it('publishes as the definition writes, below the channel', async () => {
    await using server = await scriptedServer(() => ({ status: 202, json: { id: 'h.e.1' } }))
    const telemetry = typedChannel(connectHttp(server.url, { key: 'k' }), Telemetry)
    expect(await telemetry.publish({ celsius: 21.5 }, { subtopic: 'room1', retain: true })).toEqual({ id: 'h.e.1' })
    await telemetry.publish({ celsius: 1 })
    const [first, second] = server.seen
    expect(first).toMatchObject({ path: '/channels/telemetry/messages/room1', contentType: 'application/cbor' })
    expect(first?.query.get('retain')).toBe('true')
    expect(Telemetry.decode(first!.body, first?.contentType)).toEqual({ celsius: 21.5 })
    expect(second?.path).toBe('/channels/telemetry/messages')
  })

  it('sends nothing that does not fit', async () => {
    await using server = await scriptedServer(() => ({ status: 202, json: {} }))
    const telemetry = typedChannel(connectHttp(server.url, { key: 'k' }), Telemetry)
    for (const value of [{ celsius: 86 }, { celsius: 1, lable: 'x' }, undefined]) {
      expect(await rejection(telemetry.publish(value as { celsius: number }))).toMatchObject({
        code: 'invalid-argument',
        outcome: 'not-sent',
        details: { channel: 'telemetry' },
      })
    }
    expect(server.seen).toEqual([])
  })

  it('gives each message its value, or the reason why it has none, and goes on', async () => {
    const cbor = Buffer.from(Telemetry.encode({ celsius: 3 }).payload).toString('base64')
    const messages = [
      wireMessage(1, { payload: { celsius: 1 } }),
      wireMessage(2, { payload: { celsius: 'hot' } }),
      wireMessage(3, { payload: cbor, encoding: 'base64', contentType: 'application/cbor' }),
      wireMessage(4, { payload: 'x', encoding: 'text', contentType: 'text/plain' }),
      wireMessage(5, {
        payload: [{ n: 'celsius', v: 5, t: -1 }],
        contentType: 'application/senml+json',
        acceptedAt: '2026-11-23T10:00:01.000Z',
      }),
      wireMessage(6, { payload: '{"celsius"', encoding: 'text' }),
      // A device that has no content types speaks what the channel speaks.
      wireMessage(7, { payload: cbor, encoding: 'base64', contentType: '' }),
    ]
    await using server = await scriptedServer((_request, index) =>
      index === 0 ? { json: { messages, next: 'c7', complete: true } } : { silent: true },
    )
    const seen: unknown[] = []
    const telemetry = typedChannel(connectHttp(server.url, { key: 'k' }), Telemetry)
    for await (const message of telemetry.follow({ after: 'c0' })) {
      const { cursor, error, value } = message
      seen.push([cursor, error === undefined ? value : [error.code, error.details.path]])
      if (seen.length === messages.length) break
    }
    expect(seen).toEqual([
      ['c1', { celsius: 1 }],
      ['c2', ['invalid-argument', 'celsius']],
      ['c3', { celsius: 3 }],
      ['c4', ['unsupported', undefined]],
      ['c5', { celsius: 5, at: new Date('2026-11-23T10:00:00.000Z') }],
      ['c6', ['invalid-argument', undefined]],
      ['c7', { celsius: 3 }],
    ])
    expect(server.seen[0]?.path).toBe('/channels/telemetry/messages/%23')
  })

  it('reads a page of a part of the channel, and keeps what was published beside the value', async () => {
    const json = { messages: [wireMessage(1, { payload: { celsius: 1, more: true } })], next: 'c1', complete: true }
    await using server = await scriptedServer(() => ({ json }))
    const telemetry = typedChannel(connectHttp(server.url, { key: 'k' }), Telemetry)
    const page = await telemetry.read({ subtopic: 'room1/+', last: 1 })
    expect(server.seen[0]?.path).toBe('/channels/telemetry/messages/room1/%2B')
    expect(page).toMatchObject({ next: 'c1', complete: true })
    expect(page.messages[0]).toMatchObject({
      topic: 'telemetry/room1',
      value: { celsius: 1 },
      payload: { celsius: 1, more: true },
    })
  })
})
