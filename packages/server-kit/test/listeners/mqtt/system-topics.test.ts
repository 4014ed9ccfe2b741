import type { ProtocolLevel } from '@thingmesh/core/mqtt'
import { describe, expect, it } from 'vitest'
import { levels, type Site, startSite } from './fixture.ts'
import { type TestPeer, textOf } from './peer.ts'

/** An operator: its token as password, under any name. */
async function operator(site: Site, scope: 'admin' | 'read', level?: ProtocolLevel): Promise<TestPeer> {
  const { secret } = await site.hub.control.tokens.create({ name: `${scope} of a test`, scope })
  return site.connect({ name: 'operator', key: secret }, level === undefined ? {} : { level })
}

/** What an operator has been told so far: a value that does not change is told once. */
class Board {
  readonly #peer: TestPeer
  readonly #values = new Map<string, string>()

  constructor(peer: TestPeer) {
    this.#peer = peer
  }

  async until(topic: string, isIt: (text: string) => boolean = () => true): Promise<string> {
    for (;;) {
      const text = this.#values.get(topic)
      if (text !== undefined && isIt(text)) return text
      const publish = await this.#peer.take('publish')
      this.#values.set(publish.topic.slice('$SYS/broker/'.length), textOf(publish))
    }
  }
}

describe.each(levels)('what the hub tells of itself over MQTT %s', (_, level) => {
  it.each(['admin', 'read'] as const)(
    'comes to operators with scope %s at once, and then as it changes',
    async scope => {
      const site = await startSite({ limits: { systemIntervalMs: 50 } })
      const peer = await operator(site, scope, level)
      expect(await peer.subscribe('$SYS/#')).toEqual([1])
      const version = await peer.take('publish')
      expect(version).toMatchObject({ topic: '$SYS/broker/version', retain: true, qos: 0 })
      expect(textOf(version)).toMatch(/^thingmesh version \d+\.\d+\.\d+$/)
      const board = new Board(peer)
      await board.until('uptime', text => /^\d+ seconds$/.test(text))
      await board.until('load/messages/received/15min', text => Number(text) >= 0)

      const sensor = await site.connect(await site.thing('sensor'))
      await sensor.subscribe(['telemetry/#', '$share/g/telemetry/#'])
      await sensor.publish('telemetry/a', 'x', { retain: true })
      await sensor.texts(2)
      await board.until('clients/connected', text => text === '2')
      await board.until('messages/received', text => text === '1')
      // The two of the sensor, and the operator's own.
      await board.until('subscriptions/count', text => text === '3')
      await board.until('shared_subscriptions/count', text => text === '1')
      await board.until('retained messages/count', text => text === '1')
      await board.until('bytes/received', text => Number(text) > 100)
      await board.until('bytes/sent', text => Number(text) > 100)
      await board.until('load/messages/received/1min', text => Number(text) > 0)
      sensor.cut()
      const connected = await board.until('clients/connected', text => text === '1')
      expect(connected).toBe('1')
      expect(site.faults).toEqual([])
    },
  )

  it('is refused to others, and no wildcard matches it', async () => {
    const site = await startSite({ limits: { systemIntervalMs: 20 } })
    const thing = await site.connect(await site.thing('sensor'), { level })
    const refused = level === 5 ? 0x87 : 0x80
    expect(await thing.subscribe(['$SYS/#', '$SYS/broker/uptime', '$SYS/+/uptime'])).toEqual([
      refused,
      refused,
      refused,
    ])
    const { secret } = await site.hub.control.tokens.create({ name: 'channels', scope: { channels: ['telemetry'] } })
    const user = await site.connect({ name: 'user', key: secret }, { level })
    expect(await user.subscribe('$SYS/#')).toEqual([refused])
    const admin = await operator(site, 'admin', level)
    const wrong = level === 5 ? 0x8f : 0x80
    expect(await admin.subscribe(['#', '+/broker/uptime', '$share/g/$SYS/#', '$other/#'])).toEqual([1, 1, wrong, wrong])
    const watcher = await operator(site, 'admin', level)
    await watcher.subscribe('$SYS/broker/publish/messages/received')
    expect(textOf(await watcher.take('publish'))).toBe('0')
    await thing.publish('telemetry/a', 'x')
    // By the time that it was told again, others were not.
    expect(textOf(await watcher.take('publish'))).toBe('1')
    expect((await admin.arrived()).map(({ topic }) => topic)).toEqual(['telemetry/a'])
    expect(await thing.arrived()).toEqual([])
  })

  it('is nobody’s to publish to', async () => {
    const site = await startSite()
    const admin = await operator(site, 'admin', level)
    if (level === 5) expect(await admin.publish('$SYS/broker/uptime', 'for ever')).toBe(0x90)
    else {
      admin.sendPublish('$SYS/broker/uptime', 'for ever')
      await admin.closed()
    }
  })
})

describe('what the hub tells of itself', () => {
  it('ends with the token', async () => {
    const site = await startSite({ limits: { systemIntervalMs: 20 } })
    const { id, secret } = await site.hub.control.tokens.create({ name: 'short', scope: 'read' })
    const peer = await site.connect({ name: 'operator', key: secret })
    await peer.subscribe('$SYS/broker/uptime')
    await peer.take('publish')
    await site.hub.control.tokens.revoke(id)
    expect(await peer.closeReason()).toBe(0x87)
  })

  it('is nothing where it is turned off, and enters no log', async () => {
    const site = await startSite({ limits: { systemIntervalMs: 0 } })
    const peer = await operator(site, 'admin')
    expect(await peer.subscribe('$SYS/#')).toEqual([1])
    expect(await peer.arrived()).toEqual([])
    const told = await startSite({ limits: { systemIntervalMs: 5 } })
    const reader = await operator(told, 'admin')
    await reader.subscribe('$SYS/#')
    await new Board(reader).until('clients/connected', text => text === '1')
    expect(told.counter('thingmesh_messages_in_total')).toBe(0)
    expect(told.counter('thingmesh_retained_messages')).toBe(0)
  })
})
