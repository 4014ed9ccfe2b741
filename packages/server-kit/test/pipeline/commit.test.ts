import { describe, expect, it, vi } from 'vitest'
import { gatedStore } from '../support/gated-store.ts'
import { bytes, startHub, take, textOf } from '../support/hub.ts'

describe('the ack', () => {
  it('comes after the store has the message, and so does the delivery', async () => {
    const store = gatedStore()
    const { thing, connect } = await startHub({ store })
    const secret = await thing('sensor')
    const reader = await connect(secret)
    await reader.subscribe('telemetry/#')
    const writer = await connect(secret)
    const events: string[] = []
    store.hold()
    const acked = writer.publish('telemetry/a', bytes('1')).then(() => events.push('acked'))
    const delivered = take(reader, 1).then(() => events.push('delivered'))
    await vi.waitFor(() => expect(store.held).toBe(1))
    expect(events).toEqual([])
    events.push('stored')
    store.release()
    await Promise.all([acked, delivered])
    expect(events[0]).toBe('stored')
    expect(events.slice(1).sort()).toEqual(['acked', 'delivered'])
  })

  it('is shared by all that gathered while a batch was written', async () => {
    const store = gatedStore()
    const { thing, connect, counter } = await startHub({ store })
    const writer = await connect(await thing('sensor'))
    store.hold()
    const first = writer.publish('telemetry/a', bytes('0'))
    await vi.waitFor(() => expect(store.held).toBe(1))
    const rest = Array.from({ length: 500 }, (_, i) => writer.publish('telemetry/a', bytes(String(i + 1))))
    store.release()
    const ids = await Promise.all([first, ...rest])
    expect(new Set(ids.map(({ id }) => id)).size).toBe(501)
    expect(counter('thingmesh_messages_in_total', { delivery: 'at-least-once' })).toBe(501)
    const page = await writer.read({ filter: 'telemetry/a', limit: 1000 })
    expect(page.messages.map(textOf)).toEqual(Array.from({ length: 501 }, (_, i) => String(i)))
  })

  it('is refused when the store cannot write, nobody is sent the message, and the next one is fine', async () => {
    const store = gatedStore()
    const { hub, thing, connect } = await startHub({ store })
    const secret = await thing('sensor')
    const reader = await connect(secret)
    await reader.subscribe('telemetry/#')
    store.failNext()
    await expect(reader.publish('telemetry/a', bytes('lost'))).rejects.toMatchObject({
      code: 'unavailable',
      retryable: true,
    })
    expect(hub.ingress.health().status).toBe('fail')
    await reader.publish('telemetry/a', bytes('kept'))
    expect(hub.ingress.health().status).toBe('pass')
    expect((await take(reader, 1)).map(textOf)).toEqual(['kept'])
  })

  it('is refused before anything is accepted when too much waits for the store', async () => {
    const store = gatedStore()
    const { thing, connect, counter } = await startHub({ store, limits: { commitBytesMax: 10_000 } })
    const writer = await connect(await thing('sensor'))
    store.hold()
    const first = writer.publish('telemetry/a', bytes('x'))
    await vi.waitFor(() => expect(store.held).toBe(1))
    const publishBig = () => writer.publish('telemetry/a', new Uint8Array(6_000))
    const accepted = [publishBig(), publishBig()]
    await expect(publishBig()).rejects.toMatchObject({
      code: 'unavailable',
      retryAfterSeconds: 1,
    })
    expect(counter('thingmesh_refused_total', { limit: 'store-behind' })).toBe(1)
    store.release()
    await Promise.all([first, ...accepted])
  })

  it('of an at-most-once message does not exist; what is not recorded for want of time is counted', async () => {
    const store = gatedStore()
    const { thing, connect, counter } = await startHub({ store, limits: { recordBytesMax: 2_000 } })
    const secret = await thing('sensor')
    const reader = await connect(secret)
    await reader.subscribe('telemetry/#')
    store.hold()
    for (let i = 0; i < 100; i++) await reader.publish('telemetry/a', bytes(String(i)), { delivery: 'at-most-once' })
    expect((await take(reader, 100)).map(textOf)).toEqual(Array.from({ length: 100 }, (_, i) => String(i)))
    const missing = counter('thingmesh_messages_not_recorded_total')
    expect(missing).toBeGreaterThan(80)
    store.release()
    await vi.waitFor(() => expect(store.appended()).toBe(100 - missing))
    const page = await reader.read({ filter: 'telemetry/#', limit: 1000 })
    expect(page.messages.map(textOf)).toEqual(Array.from({ length: 100 - missing }, (_, i) => String(i)))
  })
})

describe('what a channel records', () => {
  it.each([
    ['all', ['0', '1']],
    ['acked', ['1']],
    ['none', []],
  ] as const)('%s', async (record, expected) => {
    const { hub, thing, connect } = await startHub()
    await hub.control.channels.update('telemetry', { record })
    const writer = await connect(await thing('sensor'))
    await writer.publish('telemetry/a', bytes('0'), { delivery: 'at-most-once' })
    await writer.publish('telemetry/a', bytes('1'))
    const { messages } = await writer.read({ filter: 'telemetry/#' })
    expect(messages.map(textOf)).toEqual(expected)
  })

  it('none: still everything for a session that is away', async () => {
    const { hub, thing, connect } = await startHub()
    await hub.control.channels.update('telemetry', { record: 'none' })
    const secret = await thing('sensor')
    const away = { clientId: 'reader', expiresInSeconds: 60 }
    const reader = await connect(secret, away)
    await reader.subscribe('telemetry/#')
    await reader.close()
    const writer = await connect(secret)
    for (let i = 0; i < 50; i++) await writer.publish('telemetry/a', bytes(String(i)))
    const back = await connect(secret, away)
    expect(back.resumed).toBe(true)
    expect((await take(back, 50)).map(textOf)).toEqual(Array.from({ length: 50 }, (_, i) => String(i)))
    expect((await back.read({ filter: 'telemetry/#' })).messages).toEqual([])
  })
})
