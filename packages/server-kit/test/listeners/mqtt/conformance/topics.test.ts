import { describe, expect, it } from 'vitest'
import { levels, startSite } from '../fixture.ts'
import { textOf } from '../peer.ts'

describe.each(levels)('topics of MQTT %s', (_, level) => {
  it.each([
    ['telemetry/#', ['telemetry', 'telemetry/a', 'telemetry/a/b', 'telemetry/A', 'telemetry/a b']],
    ['telemetry/+', ['telemetry/a', 'telemetry/A', 'telemetry/a b']],
    ['telemetry/+/b', ['telemetry/a/b']],
    ['+', ['telemetry']],
    ['+/+', ['telemetry/a', 'telemetry/A', 'telemetry/a b']],
    ['+/#', ['telemetry', 'telemetry/a', 'telemetry/a/b', 'telemetry/A', 'telemetry/a b']],
    ['telemetry/a/#', ['telemetry/a', 'telemetry/a/b']],
    ['telemetry/a', ['telemetry/a']],
    ['telemetry/A', ['telemetry/A']],
    ['telemetry/a b', ['telemetry/a b']],
    ['/telemetry/a', []],
    ['telemetry/a/', []],
  ])('match by level and character: %s', async (filter, expected) => {
    const site = await startSite()
    const thing = await site.thing('sensor')
    const peer = await site.connect(thing, { level })
    await peer.subscribe(filter)
    for (const topic of ['telemetry', 'telemetry/a', 'telemetry/a/b', 'telemetry/A', 'telemetry/a b']) {
      await peer.publish(topic, topic)
    }
    const heard = await peer.arrived()
    expect(heard.map(({ topic }) => topic)).toEqual(expected)
    expect(heard.map(textOf)).toEqual(expected)
  })

  it('are not made the same where Unicode could: they are compared as they came', async () => {
    const site = await startSite()
    const thing = await site.thing('sensor')
    const peer = await site.connect(thing, { level })
    // U+00E9, and e with U+0301: the same letter to a reader.
    await peer.subscribe('telemetry/\u00e9')
    for (const topic of ['telemetry/e\u0301', 'telemetry/\u00c9', 'telemetry/\u00e9']) await peer.publish(topic, 'x')
    expect((await peer.arrived()).map(({ topic }) => topic)).toEqual(['telemetry/\u00e9'])
  })

  it('that begin with $ are nobody’s to publish to, and no wildcard brings one', async () => {
    const site = await startSite()
    const thing = await site.thing('sensor')
    const peer = await site.connect(thing, { level })
    await peer.subscribe(['#', '+/+'], { qos: 0 })
    for (const topic of ['$SYS/a', '$telemetry/a']) {
      const writer = await site.connect(thing, { level })
      writer.sendPublish(topic, 'x')
      if (level === 5) expect(await writer.takeAnswer('puback', 1)).toBe(0x90)
      else expect(await writer.closeReason()).toBeUndefined()
    }
    expect(await peer.arrived()).toEqual([])
  })
})
