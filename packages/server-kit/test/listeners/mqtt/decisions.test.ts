import { describe, expect, it } from 'vitest'
import type { Redirection } from '../../../src/listeners/mqtt/index.ts'
import { lasting, startSite } from './fixture.ts'

describe('Response Information', () => {
  const asking = { properties: { requestResponseInformation: true } }

  it('is what the program says, for who asks, and it can be used', async () => {
    const site = await startSite({
      listener: { responseInformation: ({ id }) => `telemetry/answers/${id.replace(':', '-')}` },
    })
    const thing = await site.thing('sensor')
    const { peer, properties } = await site.enter(thing, asking)
    const { id } = await site.hub.control.things.get('sensor')
    expect(properties?.responseInformation).toBe(`telemetry/answers/thing-${id}`)
    await peer.subscribe(`${properties?.responseInformation}/#`)
    const server = await site.connect(thing)
    await server.subscribe('telemetry/questions')
    const responseTopic = `${properties?.responseInformation}/1`
    await peer.publish('telemetry/questions', '?', { properties: { responseTopic } })
    await server.publish((await server.take('publish')).properties!.responseTopic!, '!')
    expect(await peer.texts(1)).toEqual(['!'])
    for (const properties of [undefined, { requestResponseInformation: false }]) {
      expect((await site.enter(thing, { properties })).properties).not.toHaveProperty('responseInformation')
    }
  })

  it('is nothing where the program says nothing', async () => {
    const site = await startSite({ listener: { responseInformation: () => undefined } })
    const { properties } = await site.enter(await site.thing('sensor'), asking)
    expect(properties).not.toHaveProperty('responseInformation')
    const silent = await startSite()
    const answer = await silent.enter(await silent.thing('sensor'), asking)
    expect(answer.properties).not.toHaveProperty('responseInformation')
  })

  it.each([
    ['throws', () => expect.unreachable('on purpose')],
    ['says too much', () => 'x'.repeat(1025)],
  ])('keeps nobody out where the program %s', async (_, responseInformation) => {
    const site = await startSite({ listener: { responseInformation } })
    const { properties } = await site.enter(await site.thing('sensor'), asking)
    expect(properties).not.toHaveProperty('responseInformation')
    expect(site.faults).toEqual([expect.stringMatching(/^mqtt: internal/)])
  })
})

describe('redirection', () => {
  it.each<[string, Redirection, number]>([
    ['for now', { reference: 'hub-2.example:1883' }, 0x9c],
    ['for good', { reference: 'hub-2.example hub-3.example', permanent: true }, 0x9d],
  ])('%s names the other server, and changes nothing', async (_, to, reasonCode) => {
    let redirection: Redirection | undefined
    const asked: string[] = []
    const site = await startSite({
      listener: {
        redirect({ id }) {
          asked.push(id)
          return redirection
        },
      },
    })
    const thing = await site.thing('sensor')
    const before = await site.connect(thing, lasting(5))
    await before.subscribe('telemetry/#')
    redirection = to
    const peer = await site.open()
    const connack = await peer.connect(site.credentials(thing, { ...lasting(5), cleanStart: true }))
    expect(connack).toEqual({
      type: 'connack',
      sessionPresent: false,
      reasonCode,
      properties: {
        serverReference: to.reference,
        reasonString: 'another server is to be used',
        userProperties: [['error', expect.any(String)]],
      },
    })
    expect(await peer.closed()).toEqual([])
    // Neither taken over nor forgotten.
    expect(await before.publish('telemetry/a', 'x')).toBe(0)
    expect(await before.texts(1)).toEqual(['x'])
    const { id } = await site.hub.control.things.get('sensor')
    expect(asked).toEqual([`thing:${id}`, `thing:${id}`])
  })

  it('is not for who is not proved', async () => {
    const site = await startSite({ listener: { redirect: () => ({ reference: 'elsewhere' }) } })
    const thing = await site.thing('sensor')
    const peer = await site.open()
    const { reasonCode, properties } = await peer.connect(site.credentials({ ...thing, key: 'wrong' }))
    expect(reasonCode).toBe(0x86)
    expect(properties).not.toHaveProperty('serverReference')
  })

  it('is told also to who wants no reasons, and as far as 3.1.1 can say it', async () => {
    const site = await startSite({ listener: { redirect: () => ({ reference: 'elsewhere' }) } })
    const thing = await site.thing('sensor')
    const terse = await site.open()
    const options = { properties: { requestProblemInformation: false } }
    expect((await terse.connect(site.credentials(thing, options))).properties).toEqual({ serverReference: 'elsewhere' })
    const old = await site.open(4)
    expect((await old.connect(site.credentials(thing))).reasonCode).toBe(3)
  })

  it('goes out when the hub stops', async () => {
    let redirection: Redirection | undefined
    const site = await startSite({ listener: { redirect: () => redirection } })
    const peer = await site.connect(await site.thing('sensor'))
    redirection = { reference: 'hub-2.example' }
    await site.hub.stop()
    expect(await peer.take('disconnect')).toMatchObject({
      reasonCode: 0x9c,
      properties: { serverReference: 'hub-2.example' },
    })
    await peer.closed()
  })

  it.each([
    ['throws', () => expect.unreachable('on purpose')],
    ['names no server', () => ({ reference: '' })],
  ])('keeps nobody out where the program %s', async (_, redirect) => {
    const site = await startSite({ listener: { redirect } })
    const peer = await site.connect(await site.thing('sensor'))
    expect(site.faults).toEqual([expect.stringMatching(/^mqtt: internal/)])
    await site.hub.stop()
    expect(await peer.closeReason()).toBe(0x8b)
  })
})
