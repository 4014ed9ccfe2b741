import { describe, expect, it, vi } from 'vitest'
import { WebSocket } from 'ws'
import { gatedStore } from '../../../support/gated-store.ts'
import { take, textOf } from '../../../support/hub.ts'
import { startFrames } from './fixture.ts'

describe('a WebSocket without a subprotocol', () => {
  it('publishes what it is given, and is given what others publish', async () => {
    const site = await startFrames()
    const key = await site.thing('sensor')
    const other = await site.connect(await site.thing('other'))
    await other.subscribe('telemetry/#')
    const peer = await site.open('telemetry/messages/room1', { key })
    await site.sessions(2)
    peer.webSocket.send('{"t":21.5}')
    peer.webSocket.send(Uint8Array.of(0, 0xff, 1))
    const [text, binary] = await take(other, 2)
    expect(text).toMatchObject({
      topic: 'telemetry/room1',
      contentType: '',
      delivery: 'at-least-once',
      protocol: 'websocket',
    })
    expect(textOf(text!)).toBe('{"t":21.5}')
    expect(text!.properties).toEqual({ utf8: true })
    expect([...binary!.payload]).toEqual([0, 0xff, 1])
    expect(binary!.properties).toBeUndefined()
    // Its own come too, as with MQTT.
    expect((await peer.next()).isText).toBe(true)
    expect(await peer.next()).toEqual({ bytes: Buffer.from([0, 0xff, 1]), isText: false })
    await other.publish('telemetry/room1', 'not json', { contentType: 'application/json' })
    await other.publish('telemetry/room1', 'text as bytes', { contentType: 'application/octet-stream' })
    await other.publish('telemetry/room1', 'looks like text')
    await other.publish('telemetry/room2', 'elsewhere')
    await other.publish('telemetry/room1', '')
    const heard = [await peer.next(), await peer.next(), await peer.next(), await peer.next()]
    expect(heard.map(({ bytes: said, isText }) => [said.toString(), isText])).toEqual([
      ['not json', true],
      ['text as bytes', false],
      ['looks like text', true],
      ['', true],
    ])
  })

  it.each([
    ['telemetry/messages', ['telemetry', 'telemetry/a', 'telemetry/a/b']],
    ['telemetry/messages/%23', ['telemetry', 'telemetry/a', 'telemetry/a/b']],
    ['telemetry/messages/+', ['telemetry/a']],
    ['telemetry/messages/+/b', ['telemetry/a/b']],
    ['telemetry/messages/a/%23', ['telemetry/a', 'telemetry/a/b']],
  ])('at %s hears what the pattern matches', async (path, topics) => {
    const site = await startFrames()
    const key = await site.thing('sensor')
    const other = await site.connect(await site.thing('other'))
    await other.publish('telemetry/a/b', 'kept', { retain: true })
    const peer = await site.open(path, { key })
    const kept = topics.includes('telemetry/a/b') ? ['kept'] : []
    expect(await peer.texts(kept.length)).toEqual(kept)
    await site.sessions(2)
    for (const topic of ['telemetry', 'telemetry/a', 'telemetry/a/b']) await other.publish(topic, topic)
    expect(await peer.texts(topics.length)).toEqual(topics)
    expect(peer.heard).toEqual([])
  })

  it('at a pattern or with a right to hear alone, ends where it publishes', async () => {
    const site = await startFrames()
    const key = await site.thing('sensor')
    const pattern = await site.open('telemetry/messages/+', { key })
    pattern.webSocket.send('x')
    expect(await pattern.end).toEqual([4400, expect.stringContaining("'+'")])
    const listener = await site.open('telemetry/messages/a', { key: await site.thing('listener', ['subscribe']) })
    listener.webSocket.send('x')
    expect(await listener.end).toEqual([4403, 'no right to publish to this topic'])
    expect(site.counter('thingmesh_frames_failures_total', { code: 'permission-denied' })).toBe(1)
    expect(site.faults).toEqual([])
  })

  it('with a right to publish alone publishes and hears nothing; at a pattern it has no business', async () => {
    const site = await startFrames()
    const key = await site.thing('sensor', ['publish'])
    const other = await site.connect(await site.thing('other'))
    await other.subscribe('telemetry/#')
    const peer = await site.open('telemetry/messages/a', { key })
    peer.webSocket.send('x')
    expect((await take(other, 1)).map(textOf)).toEqual(['x'])
    expect(peer.heard).toEqual([])
    expect((await (await site.open('telemetry/messages/+', { key })).end)[0]).toBe(4403)
  })

  it.each(['telemetry', 'private', 'nowhere'])(
    'that may do nothing in %s is told so, and does not wait',
    async channel => {
      const site = await startFrames()
      await site.hub.control.channels.create({ name: 'private' })
      const key = await site.thing('stranger', [])
      const grant = { thing: 'stranger', channel: 'telemetry', actions: ['publish'], pattern: 'own/#' } as const
      await site.hub.control.grants.create(grant)
      const peer = await site.open(`${channel}/messages/a`, { key })
      expect(await peer.end).toEqual([4403, 'no right to subscribe to any topic that matches'])
      await site.expectUndisturbed()
    },
  )

  it('with qos=0 waits for nothing', async () => {
    const site = await startFrames()
    const other = await site.connect(await site.thing('other'))
    await other.subscribe('telemetry/#')
    const peer = await site.open('telemetry/messages/a?qos=0', { key: await site.thing('sensor') })
    peer.webSocket.send('x')
    expect(await take(other, 1)).toMatchObject([{ delivery: 'at-most-once' }])
  })

  it('hears at-most-once messages of a channel that records nothing', async () => {
    const site = await startFrames()
    await site.hub.control.channels.update('telemetry', { record: 'none' })
    const other = await site.connect(await site.thing('other'))
    const peer = await site.open('telemetry/messages', { key: await site.thing('sensor') })
    await site.sessions(2)
    await other.publish('telemetry/a', 'live', { delivery: 'at-most-once' })
    expect(await peer.texts(1)).toEqual(['live'])
  })

  it('with after=0 hears the log from its beginning, and goes on', async () => {
    const site = await startFrames()
    const other = await site.connect(await site.thing('other'))
    for (const text of ['one', 'two']) await other.publish('telemetry/a', text)
    const peer = await site.open('telemetry/messages?after=0', { key: await site.thing('reader', ['read']) })
    expect(await peer.texts(2)).toEqual(['one', 'two'])
    await other.publish('telemetry/a', 'three')
    expect(await peer.texts(1)).toEqual(['three'])
  })

  it.each([
    ['telemetry/messages?after=x', 4400],
    ['telemetry/messages?qos=2', 4400],
    ['telemetry/messages?retain=true', 4400],
    ['telemetry/messages?after=1&after=2', 4400],
    ['telemetry/messages/%zz', 4400],
    ['telemetry/messages/a%2Fb', 4400],
    ['telemetry/messages/a/', 4403],
    ['nowhere/messages?after=now', 4403],
    ['telemetry/messages/b%23', 4400],
    ['$share/messages/group/telemetry/a', 4501],
    ['%24share/messages/group/telemetry/a?after=0', 4501],
  ])('at %s ends with %i', async (path, code) => {
    const site = await startFrames()
    const peer = await site.open(path, { key: await site.thing('sensor', path.endsWith('/a/') ? [] : undefined) })
    if (path.endsWith('/a/')) peer.webSocket.send('x')
    expect((await peer.end)[0]).toBe(code)
    await site.expectUndisturbed()
  })

  it('is read no further than the store can keep up with', async () => {
    const store = gatedStore()
    const site = await startFrames({ store, frames: { publishesMax: 3 } })
    const peer = await site.open('telemetry/messages/a', { key: await site.thing('sensor', ['publish']) })
    await site.sessions(1)
    store.hold()
    for (let i = 0; i < 50; i++) peer.webSocket.send(`${i}`)
    await vi.waitFor(() => expect(site.counter('thingmesh_messages_in_total')).toBe(3))
    await vi.waitFor(() => expect(peer.webSocket.bufferedAmount).toBe(0))
    expect((await fetch(`http://127.0.0.1:${site.port}/health`)).status).toBe(200)
    expect(site.counter('thingmesh_messages_in_total')).toBe(3)
    store.release()
    await vi.waitFor(() => expect(site.counter('thingmesh_messages_in_total')).toBe(50))
  })

  it('takes its place and gives it back', async () => {
    const site = await startFrames({ frames: { connectionsMax: 2 } })
    const key = await site.thing('sensor')
    const first = await site.open('telemetry/messages', { key })
    await site.open('telemetry/messages', { key })
    expect((await (await site.open('telemetry/messages', { key })).end)[0]).toBe(1013)
    expect(site.counter('thingmesh_frames_refused_total', { limit: 'connections' })).toBe(1)
    await first.close()
    await vi.waitFor(() => expect(site.counter('thingmesh_frames_connections')).toBe(1))
    const again = await site.open('telemetry/messages', { key })
    expect(again.webSocket.readyState).toBe(WebSocket.OPEN)
    await site.sessions(2)
  })
})
