import { matchesFilter } from '@thingmesh/core'
import { describe, expect, it } from 'vitest'
import { magistralaTopics, mainfluxTopics } from '../../../src/dialects/index.ts'
import { levels, startSite, stockMessages } from './fixture.ts'
import { stockDevices } from './stock-devices.ts'

describe.each(levels)('stock devices with MQTT %s', (_, level) => {
  const protocolVersion = level as 4 | 5

  it.each(stockDevices)('$name needs nothing but channels of its first levels', async device => {
    // As `thingmesh serve` has it.
    const site = await startSite({ listener: { dialects: [mainfluxTopics(), magistralaTopics()] } })
    const channels = [...new Set(device.rights.map(({ channel }) => channel))]
    for (const name of channels) await site.hub.control.channels.create({ name })
    const everything = channels.map(channel => ({ channel, actions: ['publish', 'subscribe'] as const }))
    const home = await site.thing('home', everything)
    const all = channels.map(channel => `${channel}/#`)
    const app = await site.stock(home, { protocolVersion })
    await app.subscribeAsync(all, { qos: 1 })

    const { clientId, will } = device
    const lastWill = { topic: will.topic, payload: Buffer.from(will.payload), qos: 1, retain: true } as const
    const options = { protocolVersion, clientId, keepalive: 30, will: lastWill }
    const peer = await site.stock(await site.thing('device', device.rights), options)
    const granted = await peer.subscribeAsync([...device.subscribes], { qos: 1 })
    expect(granted.map(({ qos }) => qos)).toEqual(device.subscribes.map(() => 1))

    for (const { topic, payload, retain = false } of device.says) {
      await peer.publishAsync(topic, payload, { qos: 1, retain })
    }
    const heard = await stockMessages(app, device.says.length)
    expect(heard).toEqual(device.says.map(({ topic, payload }) => ({ topic, text: payload, qos: 1, retain: false })))
    // It may listen to what it says itself.
    const echoes = device.says.filter(({ topic }) => device.subscribes.some(filter => matchesFilter(filter, topic)))
    expect((await stockMessages(peer, echoes.length)).map(({ topic }) => topic)).toEqual(
      echoes.map(({ topic }) => topic),
    )
    for (const { topic, payload } of device.told) await app.publishAsync(topic, payload, { qos: 1 })
    const told = await stockMessages(peer, device.told.length)
    expect(told.map(({ topic, text }) => ({ topic, payload: text }))).toEqual(device.told)

    // Who comes later finds what was retained last, and what was taken back no more.
    const retained = new Map(device.says.filter(({ retain }) => retain).map(({ topic, payload }) => [topic, payload]))
    const expected = [...retained].filter(([, payload]) => payload !== '')
    const late = await site.stock(home, { protocolVersion })
    await late.subscribeAsync(all, { qos: 1 })
    const found = await stockMessages(late, expected.length)
    expect(found.every(({ retain }) => retain)).toBe(true)
    expect(found.map(({ topic, text }) => [topic, text]).sort()).toEqual(expected.sort())

    // The plug is pulled.
    peer.stream.destroy()
    expect(await stockMessages(late, 1)).toEqual([{ topic: will.topic, text: will.payload, qos: 1, retain: false }])
    const after = await site.stock(home, { protocolVersion })
    await after.subscribeAsync(will.topic, { qos: 1 })
    expect(await stockMessages(after, 1)).toMatchObject([{ topic: will.topic, text: will.payload, retain: true }])
  })
})
