import type { Packet, Properties } from '@thingmesh/core/mqtt'
import { describe, expect, it } from 'vitest'
import { type Site, startSite } from './fixture.ts'

/** Every packet that could say why, with a reason that is worth saying. */
async function allRefusals(site: Site, properties: Properties): Promise<readonly Packet[]> {
  const thing = await site.thing('sensor')
  const stranger = await site.open()
  const answers: Packet[] = [await stranger.connect(site.credentials({ ...thing, key: 'wrong' }, { properties }))]
  const peer = await site.connect(thing, { properties })
  peer.acknowledges = false
  const qos1 = peer.sendPublish('closed/a', 'x', { qos: 1 })
  const puback = await peer.take('puback')
  expect(puback.packetId).toBe(qos1)
  peer.sendPublish('closed/a', 'x', { qos: 2 })
  answers.push(puback, await peer.take('pubrec'))
  peer.say('pubrel', 7)
  peer.say('pubrec', 8)
  answers.push(await peer.take('pubcomp'), await peer.take('pubrel'))
  answers.push(await peer.takeSuback(peer.sendSubscribe(['closed/#', 'telemetry/a', 'closed/b', 'a#'])))
  peer.send({ type: 'unsubscribe', packetId: 9, filters: ['telemetry/none'] })
  answers.push(await peer.take('unsuback'))
  peer.sendPublish('telemetry/a', 'x', { properties: { topicAlias: 17 } })
  answers.push(await peer.take('disconnect'))
  expect(answers.map(answer => ('reasonCode' in answer ? answer.reasonCode : answer.type))).toEqual([
    ...[0x86, 0x87, 0x87, 0x92, 0x92],
    ...['suback', 'unsuback', 0x94],
  ])
  return answers
}

const propertiesOf = (packet: Packet) => ('properties' in packet ? (packet.properties ?? {}) : {})
const texts = (answers: readonly Packet[]) =>
  Object.fromEntries(answers.map(answer => [answer.type, propertiesOf(answer).reasonString]))

describe('reason strings', () => {
  it.each([
    ['nothing was said about them', {}],
    ['they were asked for', { requestProblemInformation: true }],
  ])('say why in words where %s', async (_, properties) => {
    expect(texts(await allRefusals(await startSite(), properties))).toEqual({
      connack: 'the credential is not valid',
      puback: 'no right to publish to this topic',
      pubrec: 'no right to publish to this topic',
      // The code says it all.
      pubcomp: undefined,
      pubrel: undefined,
      suback: expect.stringMatching(/^no right to subscribe to any topic that matches; [^;]+$/),
      unsuback: undefined,
      disconnect: 'topic alias 17, the limit is 16',
    })
  })

  it('come with the name of the error, which a reason code leaves open', async () => {
    const answers = await allRefusals(await startSite(), {})
    const named = Object.fromEntries(answers.map(answer => [answer.type, propertiesOf(answer).userProperties]))
    expect(named).toEqual({
      connack: [['error', 'unauthenticated']],
      puback: [['error', 'permission-denied']],
      pubrec: [['error', 'permission-denied']],
      // Of two kinds: one name would be wrong for the other.
      suback: undefined,
      disconnect: [['error', 'invalid-argument']],
    })
    const site = await startSite()
    const peer = await site.connect(await site.thing('sensor'))
    peer.sendPublish('telemetry/a', new Uint8Array(70_000), { qos: 1, packetId: 1, retain: true })
    expect(await peer.take('puback')).toMatchObject({
      reasonCode: 0x97,
      properties: { userProperties: [['error', 'too-large']] },
    })
    expect((await peer.takeSuback(peer.sendSubscribe(['closed/#', 'closed/b']))).properties?.userProperties).toEqual([
      ['error', 'permission-denied'],
    ])
  })

  it('are left out of every packet, and so are user properties, for who wants none', async () => {
    const answers = await allRefusals(await startSite(), { requestProblemInformation: false })
    for (const answer of answers) {
      expect(propertiesOf(answer)).not.toHaveProperty('reasonString')
      expect(propertiesOf(answer)).not.toHaveProperty('userProperties')
    }
  })

  it('are left out where the packet would be larger than the peer takes', async () => {
    const answers = await allRefusals(await startSite(), { maximumPacketSize: 28 })
    for (const answer of answers) expect(propertiesOf(answer)).not.toHaveProperty('reasonString')
  })

  it('take nothing from what others have published: its user properties stay', async () => {
    const site = await startSite()
    const thing = await site.thing('sensor')
    const peer = await site.connect(thing, { properties: { requestProblemInformation: false } })
    await peer.subscribe('telemetry/#')
    const userProperties: [string, string][] = [
      ['z', '1'],
      ['a', '2'],
      ['z', '0'],
    ]
    const writer = await site.connect(thing)
    await writer.publish('telemetry/a', 'x', { properties: { userProperties } })
    expect((await peer.take('publish')).properties).toEqual({ userProperties })
  })
})
