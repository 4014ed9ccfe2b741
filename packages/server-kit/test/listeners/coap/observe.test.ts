import { blockOption, Code, encodeMessage, findStrings, OptionNumber, uintOption } from '@thingmesh/core/coap'
import { describe, expect, it } from 'vitest'
import { bytes } from '../../support/hub.ts'
import { type Site, startSite, type Thing } from './fixture.ts'
import { eTagOf, observe, same, type TestPeer, textOf, uintOf } from './peer.ts'

const path = '/c/telemetry/a'
const token = Uint8Array.of(0xab)
const register = { path, token, options: [observe(0)] }

async function start(options: Parameters<typeof startSite>[0] = {}) {
  const site = await startSite(options)
  const sensor = await site.thing('sensor')
  const writer = await site.witness(await site.thing('writer'))
  return { site, sensor, peer: await site.peer(sensor), writer }
}

const observers = (site: Site) => site.counter('coap_observers')
const ended = (site: Site, reason: string) => site.counter('coap_observers_ended_total', { reason })

describe('an observer', () => {
  it('has the last value first, then every message, in order', async () => {
    const { peer, writer } = await start()
    await writer.publish('telemetry/a', 'one', { retain: true, contentType: 'text/plain' })
    const first = await peer.ask(register)
    expect([textOf(first), uintOf(first, OptionNumber.contentFormat)]).toEqual(['one', 0])
    let last = uintOf(first, OptionNumber.observe)!
    for (let i = 0; i < 20; i++) await writer.publish('telemetry/a', `m${i}`)
    for (let i = 0; i < 20; i++) {
      const notification = await peer.notification(token)
      expect([textOf(notification), notification.type]).toEqual([`m${i}`, 'confirmable'])
      const sequence = uintOf(notification, OptionNumber.observe)!
      expect(sequence).toBeGreaterThan(last)
      last = sequence
    }
  })

  it('where there is no value has an empty answer first', async () => {
    const { peer, writer } = await start()
    const first = await peer.ask(register)
    expect([first.code, textOf(first), uintOf(first, OptionNumber.observe)]).toEqual([Code.content, '', 1])
    await writer.publish('telemetry/b', 'elsewhere')
    await writer.publish('telemetry/a', 'here')
    expect(textOf(await peer.notification(token))).toBe('here')
  })

  it('of a pattern has the last value of each address, each message, and where it was published', async () => {
    const { peer, writer } = await start()
    for (const name of ['x', 'y']) await writer.publish(`telemetry/room/${name}`, name, { retain: true })
    const first = await peer.ask({ ...register, path: '/c/telemetry/room/+' })
    expect(textOf(first)).toBe('')
    const told = []
    for (let i = 0; i < 2; i++) told.push(await peer.notification(token))
    await writer.publish('telemetry/room/z', 'z')
    told.push(await peer.notification(token))
    expect(told.map(textOf).sort()).toEqual(['x', 'y', 'z'])
    for (const one of told) {
      expect(findStrings(one.options, OptionNumber.locationPath)).toEqual(['c', 'telemetry', 'room', textOf(one)])
    }
  })

  it('is sent one notification at a time, and the next when that is acknowledged', async () => {
    const { peer, writer } = await start()
    await peer.ask(register)
    for (const text of ['one', 'two']) await writer.publish('telemetry/a', text)
    const ping = await peer.take(({ code }) => code === Code.empty)
    peer.reset(ping)
    const one = await peer.take()
    expect(textOf(one)).toBe('one')
    await peer.settled()
    expect(peer.inbox).toEqual([])
    peer.acknowledge(one)
    expect(textOf(await peer.take())).toBe('two')
  })

  it('that does not keep up is given what it missed from the log', async () => {
    const { peer, writer } = await start({ limits: { queueMessagesMax: 4 }, listener: { notificationsMax: 2 } })
    await peer.ask(register)
    for (let i = 0; i < 200; i++) await writer.publish('telemetry/a', `${i}`)
    for (let i = 0; i < 200; i++) expect(textOf(await peer.notification(token))).toBe(`${i}`)
  })

  it('by a request that is not confirmable is told by what is not, and every tenth time by what is', async () => {
    const { peer, writer, site } = await start({ listener: { confirmEvery: 3 } })
    await peer.ask({ ...register, type: 'non-confirmable' })
    const types: string[] = []
    for (let i = 0; i < 7; i++) {
      await writer.publish('telemetry/a', `${i}`)
      const notification = await peer.notification(token)
      expect(textOf(notification)).toBe(`${i}`)
      types.push(notification.type)
    }
    expect(types.filter(type => type === 'confirmable').length).toBe(2)
    expect(types.map(type => type === 'confirmable')).toEqual([false, false, true, false, false, true, false])
    expect(observers(site)).toBe(1)
  })

  it('is told what came by any delivery', async () => {
    const { peer, writer } = await start()
    await peer.ask(register)
    await writer.publish('telemetry/a', 'least', { delivery: 'at-least-once' })
    expect((await peer.notification(token)).type).toBe('confirmable')
    await writer.publish('telemetry/a', 'most', { delivery: 'at-most-once' })
    expect((await peer.notification(token)).type).toBe('non-confirmable')
    await writer.publish('telemetry/a', 'exactly', { delivery: 'exactly-once' })
    expect(textOf(await peer.notification(token))).toBe('exactly')
  })

  it('that says what it accepts is told nothing else: 4.06 is the last notification', async () => {
    const { site, peer, writer } = await start()
    await peer.ask({ ...register, options: [observe(0), uintOption(OptionNumber.accept, 50)] })
    await writer.publish('telemetry/a', '{"t":1}', { contentType: 'application/json' })
    expect(textOf(await peer.notification(token))).toBe('{"t":1}')
    // Of nothing no format is the wrong one: the last value was cleared.
    await writer.publish('telemetry/a', '', { retain: true })
    expect((await peer.notification(token)).code).toBe(Code.content)
    await writer.publish('telemetry/a', 'warm', { contentType: 'text/plain' })
    const last = await peer.notification(token)
    expect([last.type, last.code, uintOf(last, OptionNumber.observe)]).toEqual([
      'confirmable',
      Code.notAcceptable,
      undefined,
    ])
    expect([observers(site), ended(site, 'refused')]).toEqual([0, 1])
    await writer.publish('telemetry/a', '{"t":2}', { contentType: 'application/json' })
    await peer.settled()
    expect(peer.inbox).toEqual([])
  })

  it('may say anew what it accepts', async () => {
    const { site, peer, writer } = await start()
    await peer.ask({ ...register, options: [observe(0), uintOption(OptionNumber.accept, 50)] })
    await peer.ask(register)
    await writer.publish('telemetry/a', 'warm', { contentType: 'text/plain' })
    expect(textOf(await peer.notification(token))).toBe('warm')
    expect(observers(site)).toBe(1)
  })

  it('is told for how long a message is good', async () => {
    const { peer, writer } = await start()
    await peer.ask(register)
    await writer.publish('telemetry/a', 'x', { properties: { expiresInSeconds: 100 } })
    expect(uintOf(await peer.notification(token), OptionNumber.maxAge)).toBeGreaterThan(90)
  })

  it('of a large value fetches the rest in blocks, and is told the next one after that', async () => {
    const { peer, writer } = await start()
    await peer.ask(register)
    const text = Array.from({ length: 300 }, (_, i) => `${i}`.padStart(10, '.')).join('')
    await writer.publish('telemetry/a', text)
    await writer.publish('telemetry/a', 'next')
    const first = await peer.notification(token)
    expect(uintOf(first, OptionNumber.block2)).toBe(0x0e)
    let got = textOf(first)
    for (let number = 1; number <= 2; number++) {
      await peer.settled()
      expect(peer.inbox).toEqual([])
      const part = await peer.ask({
        path,
        options: [blockOption(OptionNumber.block2, { number, more: false, sizeExponent: 6 })],
      })
      expect(uintOf(part, OptionNumber.observe)).toBeUndefined()
      got += textOf(part)
    }
    expect(got).toBe(text)
    expect(textOf(await peer.notification(token))).toBe('next')
  })
})

describe('the first block of a notification', () => {
  it('is as large as the observer asked for when it registered', async () => {
    const { peer, writer } = await start()
    const wanted = blockOption(OptionNumber.block2, { number: 0, more: false, sizeExponent: 2 })
    await peer.ask({ ...register, options: [observe(0), wanted] })
    await writer.publish('telemetry/a', 'x'.repeat(64))
    const whole = await peer.notification(token)
    expect([textOf(whole).length, uintOf(whole, OptionNumber.block2)]).toEqual([64, undefined])
    await writer.publish('telemetry/a', 'x'.repeat(65))
    const cut = await peer.notification(token)
    expect([textOf(cut).length, uintOf(cut, OptionNumber.block2)]).toEqual([64, 0x0a])
  })

  it('leaves room for a long path in the datagram', async () => {
    const { peer, writer } = await start()
    await peer.ask({ ...register, path: '/c/telemetry/#' })
    await writer.publish(`telemetry/${'x'.repeat(240)}`, 'y'.repeat(1_024))
    const told = await peer.notification(token)
    expect(encodeMessage(told).length).toBeLessThanOrEqual(1_152)
    expect(uintOf(told, OptionNumber.block2)).toBe(0x0d)
  })
})

describe('an observation', () => {
  it('is one for each token: registering again renews it', async () => {
    const { site, peer, writer } = await start()
    for (let i = 0; i < 5; i++) expect((await peer.ask(register)).code).toBe(Code.content)
    expect(observers(site)).toBe(1)
    await peer.ask({ ...register, path: '/c/telemetry/b' })
    expect(observers(site)).toBe(1)
    await writer.publish('telemetry/a', 'no more')
    await writer.publish('telemetry/b', 'instead')
    expect(textOf(await peer.notification(token))).toBe('instead')
  })

  it('is owed what came before it was renewed, whatever the last value is', async () => {
    const { peer, writer } = await start()
    await peer.ask(register)
    await writer.publish('telemetry/a', 'first')
    expect(textOf(await peer.notification(token))).toBe('first')
    await writer.publish('telemetry/a', 'held')
    const held = await peer.take(message => same(message.token, token))
    await writer.publish('telemetry/a', 'waiting')
    await writer.publish('telemetry/a', 'last', { retain: true })
    const renewed = await peer.ask(register)
    expect(textOf(renewed)).toBe('last')
    expect(uintOf(renewed, OptionNumber.observe)).toBe(uintOf(held, OptionNumber.observe)! + 1)
    peer.acknowledge(held)
    expect(textOf(await peer.notification(token))).toBe('waiting')
    expect(textOf(await peer.notification(token))).toBe('last')
  })

  it('leaves the rest of a large notification where it is, and who wants its own answer asks for that', async () => {
    const { peer, writer } = await start({ listener: { addressProof: 'none' } })
    await peer.ask(register)
    await writer.publish('telemetry/a', 'x'.repeat(1_500), { retain: true })
    const notification = await peer.take(message => same(message.token, token))
    await writer.publish('telemetry/a', 'y'.repeat(1_600), { retain: true })
    const renewed = await peer.ask(register)
    expect([textOf(renewed).length, uintOf(renewed, OptionNumber.size2)]).toEqual([1_024, 1_600])
    const blockAt = (number: number) => {
      const options = [blockOption(OptionNumber.block2, { number, more: false, sizeExponent: 6 })]
      return peer.ask({ path, options })
    }
    const rest = await blockAt(1)
    expect(textOf(rest)).toBe('x'.repeat(1_500 - 1_024))
    expect(eTagOf(rest)).toEqual(eTagOf(notification))
    peer.acknowledge(notification)
    const next = await peer.take(message => same(message.token, token))
    expect(eTagOf(next)).toEqual(eTagOf(renewed))
    // From its first block on, which is asked for, it is the newest value and no notification.
    await writer.publish('telemetry/a', 'z'.repeat(1_700), { retain: true })
    expect(textOf(await blockAt(0)) + textOf(await blockAt(1))).toBe('z'.repeat(1_700))
  })

  it('ends by a GET that says so, with the value as its answer', async () => {
    const { site, peer, writer } = await start()
    await writer.publish('telemetry/a', 'value', { retain: true })
    await peer.ask(register)
    const last = await peer.ask({ path, token, options: [observe(1)] })
    expect([textOf(last), uintOf(last, OptionNumber.observe)]).toEqual(['value', undefined])
    expect([observers(site), ended(site, 'deregistered')]).toEqual([0, 1])
  })

  it.each(['confirmable', 'non-confirmable'] as const)('ends by the reset of a notification that is %s', async type => {
    const { site, peer, writer } = await start()
    await peer.ask({ ...register, type })
    await writer.publish('telemetry/a', 'x')
    peer.reset(await peer.take(({ code }) => code === Code.empty))
    peer.reset(await peer.take(({ code }) => code === Code.content))
    await expect.poll(() => observers(site)).toBe(0)
    expect(ended(site, 'reset')).toBe(1)
  })

  it('ends where a notification is never acknowledged', async () => {
    const { site, peer, writer } = await start({ listener: { ackTimeoutMs: 20, retransmitMax: 2 } })
    await peer.ask(register)
    await writer.publish('telemetry/a', 'x')
    peer.reset(await peer.take(({ code }) => code === Code.empty))
    await expect.poll(() => ended(site, 'timeout'), { timeout: 8_000 }).toBe(1)
    expect(peer.inbox.map(textOf)).toEqual(['x', 'x', 'x'])
    expect(new Set(peer.inbox.map(({ messageId }) => messageId)).size).toBe(1)
  })

  it('ends where nothing is heard for long and a ping is not answered', async () => {
    const { site, peer } = await start({
      listener: { observerSilenceMs: 100, ackTimeoutMs: 20, retransmitMax: 1, addressProof: 'none' },
    })
    await peer.ask(register)
    peer.reset(await peer.take(({ code }) => code === Code.empty))
    expect(observers(site)).toBe(1)
    await expect.poll(() => ended(site, 'timeout'), { timeout: 8_000 }).toBe(1)
  })

  it('is not begun where there is no right, no channel, or nothing that is acceptable', async () => {
    const { site, peer } = await start()
    const reader = await site.peer(await site.thing('reader', ['read']))
    expect(await reader.codeOf(register)).toBe('4.03')
    expect(await peer.codeOf({ ...register, path: '/c/nothing' })).toBe('4.03')
    await peer.ask({ code: Code.put, path, payload: 'x', options: [uintOption(OptionNumber.contentFormat, 0)] })
    expect(await peer.codeOf({ ...register, options: [observe(0), uintOption(OptionNumber.accept, 50)] })).toBe('4.06')
    expect(await peer.codeOf({ ...register, query: [] })).toBe('4.01')
    expect(observers(site)).toBe(0)
    expect(site.counter('sessions')).toBe(0)
  })

  it('is bounded for each peer and in all: 5.03', async () => {
    const { site, sensor, peer } = await start({ listener: { observersPerPeerMax: 2, observersMax: 3 } })
    const add = (from: TestPeer, id: number) => from.codeOf({ ...register, token: Uint8Array.of(id) })
    expect([await add(peer, 1), await add(peer, 2), await add(peer, 3)]).toEqual(['2.05', '2.05', '5.03'])
    const other = await site.peer(sensor)
    expect([await add(other, 1), await add(other, 2)]).toEqual(['2.05', '5.03'])
    expect(site.counter('coap_refused_total', { limit: 'observers-per-peer' })).toBe(1)
    expect(site.counter('coap_refused_total', { limit: 'observers' })).toBe(1)
    await other.ask({ path, token: Uint8Array.of(1), options: [observe(1)] })
    expect(await add(other, 2)).toBe('2.05')
  })

  it('holds a bounded number of bytes that wait', async () => {
    const { site, peer, writer } = await start({ listener: { notificationsBytesMax: 1_000 } })
    await peer.ask(register)
    for (let i = 0; i < 20; i++) await writer.publish('telemetry/a', bytes('x'.repeat(400)))
    expect(site.counter('coap_notifications_waiting_bytes')).toBeLessThanOrEqual(1_000)
    for (let i = 0; i < 20; i++) expect((await peer.notification(token)).payload.length).toBe(400)
    expect(site.counter('coap_notifications_waiting_bytes')).toBe(0)
  })

  it('is not sent to where nobody answers a ping: only the answer to the registration is', async () => {
    const { site, peer, writer } = await start({ listener: { ackTimeoutMs: 20, retransmitMax: 1 } })
    await peer.ask(register)
    for (let i = 0; i < 10; i++) await writer.publish('telemetry/a', 'x'.repeat(900))
    await expect.poll(() => ended(site, 'timeout'), { timeout: 8_000 }).toBe(1)
    expect(peer.inbox.every(({ code }) => code === Code.empty)).toBe(true)
  })
})

describe('an observer’s right', () => {
  async function proved(site: Site, thing: Thing, writer: { publish(topic: string, text: string): Promise<unknown> }) {
    const peer = await site.peer(thing)
    await peer.ask(register)
    await writer.publish('telemetry/a', 'before')
    expect(textOf(await peer.notification(token))).toBe('before')
    return peer
  }

  it('ends with its key: an error is the last notification', async () => {
    const { site, sensor, writer } = await start()
    const peer = await proved(site, sensor, writer)
    await site.hub.control.things.update('sensor', { enabled: false })
    const last = await peer.notification(token)
    expect([last.code, uintOf(last, OptionNumber.observe)]).toEqual([Code.unauthorized, undefined])
    await expect.poll(() => observers(site)).toBe(0)
  })

  it('that was taken away ends it: 4.03 is the last notification', async () => {
    const { site, sensor, writer } = await start()
    const peer = await proved(site, sensor, writer)
    const { items } = await site.hub.control.grants.list({ thing: 'sensor' })
    await site.hub.control.grants.remove(items[0]!.id)
    await writer.publish('telemetry/a', 'after')
    const last = await peer.notification(token)
    expect([last.code, uintOf(last, OptionNumber.observe)]).toEqual([Code.forbidden, undefined])
    expect(textOf(last)).toBe('no right any more to subscribe to telemetry/a')
    await expect.poll(() => observers(site)).toBe(0)
    expect(peer.inbox).toEqual([])
  })

  it.each(['/c/telemetry/a', '/c/telemetry/#'])('that was taken away is not there to be renewed: %s', async to => {
    const { site, sensor, peer } = await start()
    expect(await peer.codeOf({ ...register, path: to })).toBe('2.05')
    const { items } = await site.hub.control.grants.list({ thing: sensor.name })
    await site.hub.control.grants.remove(items[0]!.id)
    expect(await peer.codeOf({ ...register, path: to })).toBe('4.03')
    expect(observers(site)).toBe(0)
  })

  it('and the hub’s end: 5.03 is the last notification', async () => {
    const { site, sensor, writer } = await start()
    const peer = await proved(site, sensor, writer)
    await site.hub.stop()
    expect((await peer.notification(token)).code).toBe(Code.serviceUnavailable)
    expect(site.faults).toEqual([])
  })
})
