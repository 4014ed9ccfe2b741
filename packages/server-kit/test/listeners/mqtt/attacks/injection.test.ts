import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { describe, expect, it, onTestFinished } from 'vitest'
import { sqliteStore } from '../../../../src/store/sqlite/index.ts'
import { type Door, tries } from '../doors.ts'
import { type Site, startSite } from '../fixture.ts'
import { textOf } from '../peer.ts'

/** Words that mean something to a bus, a database, a shell, a log or JavaScript, and nothing here. */
const words = [
  '__proto__',
  'constructor',
  'toString',
  "x'; DROP TABLE segment; --",
  '" OR ""="',
  '%',
  '_',
  'a.b.*',
  '>',
  '*',
  '.*',
  '%{jndi:ldap://x}',
  '$(reboot)',
  '<script>',
  'a"} 1\u2028thingmesh_forged_total',
]

/** Line breaks and escapes for whoever reads a log, and a bus that separates commands by CR LF (NATS 2026-22). */
const controls = ['a\r\nPUB x 1\r\nb', 'a\nb', 'a\u001b[2Jb', 'a\u0085b', 'a\u007fb']

async function onDisk(door: Door): Promise<Site> {
  const path = await mkdtemp(join(tmpdir(), 'thingmesh-injection-'))
  onTestFinished(() => rm(path, { recursive: true, force: true }))
  const site = await startSite({ transport: door, store: sqliteStore({ path: join(path, 'hub.db') }) })
  await site.startBystander()
  return site
}

/** Nothing that a peer has said is in a name or a label of a meter. */
function expectUnsaid(site: Site, said: readonly string[]): void {
  const labels = site.hub.meter.collect().flatMap(({ name, samples }) => {
    return [name, ...samples.flatMap(sample => Object.entries(sample.labels).flat())]
  })
  for (const label of labels) expect(label).toMatch(/^[a-z0-9_.:/+-]+$/i)
  for (const word of said) expect(labels).not.toContain(word)
}

describe.each(tries)('over $door, MQTT $version', ({ door, level }) => {
  it('carries names that mean something elsewhere as what they are, to the disk and back', async () => {
    const site = await onDisk(door)
    const thing = await site.thing('sensor')
    for (const word of words) {
      const topic = `telemetry/${word}`
      const peer = await site.connect(thing, { level, clientId: word })
      expect(await peer.subscribe(topic)).toEqual([1])
      expect(await peer.publish(topic, word, { qos: 1, retain: true })).toBe(0)
      expect(textOf(await peer.take('publish'))).toBe(word)
      expect(await peer.unsubscribe(topic)).toEqual(level === 5 ? [0] : [])
      // From the store, and none of the others'.
      expect(await peer.subscribe(topic)).toEqual([1])
      const { topic: named, payload, retain } = await peer.take('publish')
      expect({ named, text: textOf({ payload }), retain }).toEqual({ named: topic, text: word, retain: true })
      expect(await peer.arrived()).toEqual([])
      await peer.disconnect()
    }
    expect(site.counter('thingmesh_retained_messages')).toBe(words.length)
    expectUnsaid(site, words)
    await site.expectUndisturbed()
  })

  it.each(controls)('refuses %j as a topic and as a filter', async name => {
    const site = await onDisk(door)
    const thing = await site.thing('sensor')
    const peer = await site.connect(thing, { level })
    expect(await peer.subscribe(`telemetry/${name}`)).toEqual([level === 5 ? 0x8f : 0x80])
    peer.sendPublish(`telemetry/${name}`, 'x')
    if (level === 5) expect((await peer.take('puback')).reasonCode).toBe(0x90)
    else await peer.closed()
    expect(site.counter('thingmesh_messages_in_total')).toBe(0)
    expectUnsaid(site, [name])
    await site.expectUndisturbed()
  })

  it('shows no word of a stranger, and no secret, in what it reports or answers', async () => {
    const site = await onDisk(door)
    const { key } = await site.thing('sensor')
    for (const name of [...words, ...controls]) {
      const peer = await site.open(level)
      const connack = await peer.connect({ clientId: name.slice(0, 60), username: name, password: `${key}${name}` })
      expect(connack.reasonCode).not.toBe(0)
      const reason = connack.properties?.reasonString ?? ''
      expect(reason).toMatch(/^[\x20-\x7e]*$/)
      expect(reason).not.toContain(key)
      await peer.closed()
    }
    expectUnsaid(site, [...words, ...controls])
    await site.expectUndisturbed()
  })
})
