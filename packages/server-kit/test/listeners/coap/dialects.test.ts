import { Code, codeText } from '@thingmesh/core/coap'
import { describe, expect, it } from 'vitest'
import { magistralaTopics, mainfluxTopics } from '../../../src/dialects/index.ts'
import { textOf as messageText, take } from '../../support/hub.ts'
import { startSite } from './fixture.ts'
import { observe, textOf } from './peer.ts'

async function start(dialects = [mainfluxTopics(), magistralaTopics()]) {
  const site = await startSite({ listener: { dialects } })
  const sensor = await site.thing('sensor')
  return { site, sensor, peer: await site.peer(sensor), witness: await site.witness(sensor) }
}

describe('a path', () => {
  it.each(['/channels/telemetry/messages/a/b', '/m/default/c/telemetry/a/b'])(
    '%s is published to, read, observed and cleared as what it stands for',
    async path => {
      const { peer, witness } = await start()
      expect(await peer.codeOf({ code: Code.put, path, payload: 'first' })).toBe('2.04')
      expect(textOf(await peer.ask({ path }))).toBe('first')
      const token = Uint8Array.of(0xab)
      expect(textOf(await peer.ask({ path, token, options: [observe(0)] }))).toBe('first')
      expect(await peer.codeOf({ code: Code.post, path, payload: 'second' })).toBe('2.04')
      expect(textOf(await peer.notification(token))).toBe('second')
      expect(await peer.codeOf({ code: Code.delete, path })).toBe('2.02')
      expect(await peer.codeOf({ path })).toBe('4.04')
      const taken = await take(witness, 3)
      expect(taken.map(({ topic }) => topic)).toEqual(Array.from({ length: 3 }, () => 'telemetry/a/b'))
      expect(taken.map(messageText)).toEqual(['first', 'second', ''])
    },
  )

  it('of a dialect observes by a pattern, and is told in our own form where a message was published', async () => {
    const { peer, witness } = await start()
    const token = Uint8Array.of(0xab)
    expect(await peer.codeOf({ path: '/m/default/c/telemetry/#', token, options: [observe(0)] })).toBe('2.05')
    await witness.publish('telemetry/a', 'here')
    expect(textOf(await peer.notification(token))).toBe('here')
  })

  it('names no other domain than the own one, and nothing that there is no right to', async () => {
    const { site, peer } = await start()
    await site.hub.control.channels.create({ name: 'secret' })
    expect(await peer.codeOf({ code: Code.post, path: '/m/other/c/telemetry/a' })).toBe('4.03')
    expect(await peer.codeOf({ code: Code.post, path: '/m/default/c/secret/a' })).toBe('4.03')
    expect(await peer.codeOf({ path: '/m/default/c/secret/#', options: [observe(0)] })).toBe('4.03')
    expect(await peer.codeOf({ path: '/m/default/d/telemetry' })).toBe('4.04')
    const stranger = await site.peer()
    expect(await stranger.codeOf({ code: Code.post, path: '/m/default/c/telemetry/a' })).toBe('4.01')
    expect(site.faults).toEqual([])
  })

  it('that is of no dialect here is none', async () => {
    const { peer } = await start([])
    expect(await peer.codeOf({ code: Code.post, path: '/m/default/c/telemetry/a' })).toBe('4.04')
  })
})

describe('a key as Mainflux’s older devices show it', () => {
  const path = '/channels/telemetry/messages/a'

  it('is good for all that a key of ours is, each time', async () => {
    const { site, sensor } = await start()
    const device = await site.peer()
    const query = [`authorization=${sensor.key}`]
    for (const payload of ['1', '2']) {
      expect(await device.codeOf({ code: Code.put, path, query, payload })).toBe('2.04')
      expect(textOf(await device.ask({ path, query }))).toBe(payload)
    }
    const token = Uint8Array.of(0xab)
    expect(textOf(await device.ask({ path, query, token, options: [observe(0)] }))).toBe('2')
    expect(await device.codeOf({ code: Code.post, path, query, payload: '3' })).toBe('2.04')
    expect(textOf(await device.notification(token))).toBe('3')
  })

  it('is as strict as ours: a wrong one, none, and two of them are refused, and not repeated', async () => {
    const { site, sensor } = await start()
    const device = await site.peer()
    for (const [query, code] of [
      [[`authorization=x${sensor.key.slice(1)}`], '4.01'],
      [['authorization='], '4.00'],
      [[`authorization=${sensor.key}`, `auth=${sensor.key}`], '4.00'],
      [[`authorization=${sensor.key}`, `authorization=${sensor.key}`], '4.00'],
    ] as const) {
      const answer = await device.ask({ code: Code.post, path, query, payload: 'x' })
      expect([query[0]!.length, codeText(answer.code)]).toEqual([query[0]!.length, code])
      expect(textOf(answer)).not.toContain(sensor.key.slice(1, 12))
    }
  })

  it('is none on paths that are not its dialect’s, nor where that is not spoken', async () => {
    const { site, sensor } = await start()
    const device = await site.peer()
    const query = [`authorization=${sensor.key}`]
    for (const other of ['/c/telemetry/a', '/m/default/c/telemetry/a']) {
      expect(await device.codeOf({ code: Code.post, path: other, query, payload: 'x' })).toBe('4.00')
    }
    const without = await start([magistralaTopics()])
    const asked = { code: Code.post, path, query: [`authorization=${without.sensor.key}`], payload: 'x' }
    expect(await (await without.site.peer()).codeOf(asked)).toBe('4.00')
  })
})
