import { writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { describe, expect } from 'vitest'
import { asThing, type MqttVersion, mqttVersions, printed, subscribed } from './support/mosquitto.ts'
import { itWith } from './support/peers.ts'
import { type Corner, shareHub } from './support/shared-hub.ts'
import type { Finished, Running } from './support/site.ts'

const openCorner = shareHub()
const clients = ['mosquitto_pub', 'mosquitto_sub', 'stdbuf']
const qualities = ['0', '1', '2'] as const
/** Retain, QoS, topic, payload. */
const lines = ['-F', '%r %q %t %p']

class Scene {
  readonly corner: Corner
  readonly home: string

  constructor(corner: Corner) {
    this.corner = corner
    this.home = corner.home
  }

  /** mosquitto_pub, to its end. */
  async publish(version: MqttVersion, args: readonly string[], stdin?: string): Promise<void> {
    const done = await this.run('mosquitto_pub', version, args, stdin)
    expect(done).toMatchObject({ code: 0, err: '' })
  }

  run(command: string, version: MqttVersion, args: readonly string[], stdin?: string): Promise<Finished> {
    const { site, hub, thing } = this.corner
    return site.run(command, [...asThing(hub, thing, version), ...args], { ...(stdin !== undefined && { stdin }) })
  }

  /** mosquitto_sub, to its end, and what it has printed. */
  async hear(version: MqttVersion, args: readonly string[]): Promise<readonly string[]> {
    // Where nothing comes it ends by itself, and with another code.
    const done = await this.run('mosquitto_sub', version, [...args, '-W', '20'])
    expect(done).toMatchObject({ code: 0, err: '' })
    return done.out.split('\n').slice(0, -1)
  }

  /** mosquitto_sub that is subscribed, and stays. */
  listen(version: MqttVersion, args: readonly string[]): Promise<Running> {
    const { site, hub, thing } = this.corner
    return subscribed(site, [...asThing(hub, thing, version), ...args])
  }
}

const openScene = async () => new Scene(await openCorner())

async function heard(listener: Running, count: number): Promise<readonly string[]> {
  await listener.says(running => printed(running).length >= count, `${count} messages`)
  return printed(listener)
}

describe.each(mqttVersions)('mosquitto_sub and mosquitto_pub with -V %s', version => {
  itWith(clients)('-q: the lower of the two goes; -C: so many, and no more', async () => {
    const scene = await openScene()
    const { home } = scene
    const listeners = await Promise.all(
      qualities.map(q => scene.listen(version, [...lines, '-t', `${home}/#`, '-q', q, '-C', '3'])),
    )
    for (const q of qualities) await scene.publish(version, ['-t', `${home}/${q}`, '-m', `with ${q}`, '-q', q])
    for (const [granted, listener] of listeners.entries()) {
      expect(await listener.finished()).toMatchObject({ code: 0, err: '' })
      const expected = qualities.map(q => `0 ${Math.min(Number(q), granted)} ${home}/${q} with ${q}`)
      expect([...printed(listener)].sort()).toEqual(expected)
    }
  })

  itWith(clients)('-c, -i, -x: a session that waits, -U: less one filter, and without -c none', async () => {
    const scene = await openScene()
    const { home } = scene
    const session = ['-c', '-i', 'waiting', ...(version === 'mqttv5' ? ['-x', '600'] : [])]
    await scene.hear(version, [...session, '-t', `${home}/a`, '-t', `${home}/b`, '-q', '2', '-E'])
    for (const q of ['1', '2']) await scene.publish(version, ['-t', `${home}/a`, '-q', q, '-l'], 'x\ny\nz\n')
    const missed = [1, 2].flatMap(q => ['x', 'y', 'z'].map(text => `0 ${q} ${home}/a ${text}`))
    expect(await scene.hear(version, [...session, ...lines, '-t', `${home}/b`, '-q', '2', '-C', '6'])).toEqual(missed)
    await scene.hear(version, [...session, '-U', `${home}/a`, '-t', `${home}/b`, '-q', '2', '-E'])
    for (const topic of ['a', 'b']) await scene.publish(version, ['-t', `${home}/${topic}`, '-q', '1', '-m', topic])
    const rest = await scene.hear(version, [...session, ...lines, '-t', `${home}/b`, '-q', '2', '-C', '1'])
    expect(rest).toEqual([`0 1 ${home}/b b`])
    // A clean one ends it.
    await scene.hear(version, ['-i', 'waiting', '-t', `${home}/b`, '-E'])
    await scene.publish(version, ['-t', `${home}/b`, '-q', '1', '-m', 'for nobody'])
    const nothing = await scene.run('mosquitto_sub', version, [...session, '-t', `${home}/c`, '-q', '1', '-W', '1'])
    expect(nothing).toMatchObject({ code: 27, out: '' })
  })

  itWith(clients)('-r, -n, -R, -T, --retained-only, --remove-retained: last values', async () => {
    const scene = await openScene()
    const { home } = scene
    for (const topic of ['a', 'b', 'c']) {
      await scene.publish(version, ['-t', `${home}/${topic}`, '-q', '1', '-r', '-m', topic])
    }
    await scene.publish(version, ['-t', `${home}/b`, '-q', '1', '-r', '-n'])
    const all = ['-t', `${home}/#`, '-q', '1', ...lines]
    expect(await scene.hear(version, [...all, '-C', '2'])).toEqual([`1 1 ${home}/a a`, `1 1 ${home}/c c`])
    expect(await scene.hear(version, [...all, '-T', `${home}/a`, '-C', '1'])).toEqual([`1 1 ${home}/c c`])
    const live = await scene.listen(version, [...all, '-R', '-C', '1'])
    const retained = await scene.listen(version, [...all, '--retained-only'])
    await heard(retained, 2)
    await scene.publish(version, ['-t', `${home}/d`, '-q', '1', '-m', 'live'])
    await Promise.all([live.finished(), retained.finished()])
    expect(printed(live)).toEqual([`0 1 ${home}/d live`])
    expect(printed(retained)).toEqual([`1 1 ${home}/a a`, `1 1 ${home}/c c`])
    // It hears of its own clearing, too.
    const cleaner = await scene.listen(version, [...all, '--remove-retained'])
    const cleared = await heard(cleaner, 4)
    expect([...cleared].sort()).toEqual([`0 1 ${home}/a `, `0 1 ${home}/c `, `1 1 ${home}/a a`, `1 1 ${home}/c c`])
    const nothing = await scene.run('mosquitto_sub', version, ['-t', `${home}/#`, '-W', '1'])
    expect(nothing).toMatchObject({ code: 27, out: '' })
  })

  itWith(clients)(
    '--will-topic, --will-payload, --will-qos, --will-retain: what goes out for who is cut off',
    async () => {
      const scene = await openScene()
      const { home } = scene
      const watcher = await scene.listen(version, [...lines, '-t', `${home}/#`, '-q', '2'])
      for (const q of qualities) {
        const will = ['--will-topic', `${home}/will`, '--will-payload', `gone ${q}`, '--will-qos', q, '--will-retain']
        const killed = await scene.listen(version, ['-t', `${home}/none`, ...will])
        await killed.kill('SIGKILL')
        expect((await heard(watcher, Number(q) + 1)).at(-1)).toBe(`0 ${q} ${home}/will gone ${q}`)
      }
      expect(await scene.hear(version, [...lines, '-t', `${home}/will`, '-q', '2', '-C', '1'])).toEqual([
        `1 2 ${home}/will gone 2`,
      ])
    },
  )

  itWith(clients)('-m, -s, -f, -l, --repeat, -L, -I, -k, -N: every way to say and to be told', async () => {
    const scene = await openScene()
    const { corner, home } = scene
    const { site, hub, thing } = corner
    const file = join(site.directory, 'payload')
    await writeFile(file, 'from a file')
    const listener = await scene.listen(version, ['-t', `${home}/#`, '-q', '1', '-I', 'prefix-', '-k', '10', '-v'])
    await scene.publish(version, ['-t', `${home}/m`, '-q', '1', '-m', 'said', '--repeat', '2'])
    await scene.publish(version, ['-t', `${home}/s`, '-q', '2', '-s'], 'all of it')
    await scene.publish(version, ['-t', `${home}/f`, '-q', '1', '-f', file])
    await scene.publish(version, ['-t', `${home}/l`, '-q', '1', '-l', '-M', '1'], 'one\ntwo\n')
    const url = `mqtt://${thing.name}:${thing.secret}@${hub.host}:${hub.mqttPort}/${home}/url`
    const done = await site.run('mosquitto_pub', ['-V', version, '-L', url, '-q', '1', '-m', 'by a url'])
    expect(done).toMatchObject({ code: 0, err: '' })
    const expected = ['m said', 'm said', 's all of it', 'f from a file', 'l one', 'l two', 'url by a url']
    expect(await heard(listener, 7)).toEqual(expected.map(line => `${home}/${line}`))
  })
})

describe('mosquitto_sub and mosquitto_pub with -D', () => {
  const property = (command: string, ...values: readonly string[]) => ['-D', command, ...values]
  const carried = (command: 'publish' | 'will') => [
    ...property(command, 'content-type', 'text/plain'),
    ...property(command, 'correlation-data', 'c-1'),
    ...property(command, 'message-expiry-interval', '1000'),
    ...property(command, 'payload-format-indicator', '1'),
    ...property(command, 'response-topic', 'some/where'),
    ...property(command, 'user-property', 'z', '1'),
    ...property(command, 'user-property', 'a', '2'),
    ...property(command, 'user-property', 'z', '0'),
  ]
  /** Content type, correlation data, payload format, response topic, user properties, subscription identifier, topic alias, payload. */
  const format = ['-F', '%C|%D|%F|%R|%P|%S|%A|%p']

  itWith(clients)('publish, subscribe, unsubscribe, will: all that goes along with a message', async () => {
    const scene = await openScene()
    const { home } = scene
    const listener = await scene.listen('mqttv5', [
      ...['-t', `${home}/#`, '-q', '1', '-U', `${home}/none`, ...format],
      ...property('subscribe', 'subscription-identifier', '17'),
      ...property('subscribe', 'user-property', 'asked', 'politely'),
      ...property('unsubscribe', 'user-property', 'left', 'politely'),
    ])
    await scene.publish('mqttv5', ['-t', `${home}/a`, '-q', '1', '-m', 'rich', ...carried('publish')])
    // Three messages by one alias, whose topic goes over the wire with each.
    const alias = property('publish', 'topic-alias', '3')
    await scene.publish('mqttv5', ['-t', `${home}/b`, '-q', '1', '-l', ...alias], 'x\ny\nz\n')
    const will = ['--will-topic', `${home}/will`, '--will-payload', 'gone', '--will-qos', '1', ...carried('will')]
    const session = ['-i', 'dying', '-x', '600']
    const dying = await scene.listen('mqttv5', [
      ...['-t', `${home}/none`, ...session, ...will],
      ...property('will', 'will-delay-interval', '1'),
    ])
    await dying.kill('SIGKILL')
    const all = 'text/plain|c-1|1|some/where|z:1 a:2 z:0|17||'
    expect(await heard(listener, 5)).toEqual([
      `${all}rich`,
      ...['x', 'y', 'z'].map(text => `|||||17||${text}`),
      `${all}gone`,
    ])
  })

  itWith(clients)('connect: the sizes and numbers that it takes', async () => {
    const scene = await openScene()
    const { home } = scene
    const listener = await scene.listen('mqttv5', [
      ...['-t', `${home}/#`, '-q', '2', ...format],
      ...property('connect', 'receive-maximum', '1'),
      ...property('connect', 'maximum-packet-size', '120'),
      ...property('connect', 'topic-alias-maximum', '1'),
      ...property('connect', 'session-expiry-interval', '60'),
      ...property('connect', 'request-problem-information', '0'),
      ...property('connect', 'request-response-information', '1'),
      ...property('connect', 'user-property', 'who', 'me'),
    ])
    await scene.publish('mqttv5', ['-t', `${home}/a`, '-q', '2', '-m', 'x'.repeat(200)])
    for (const q of qualities) await scene.publish('mqttv5', ['-t', `${home}/a`, '-q', q, '-m', q])
    await scene.publish('mqttv5', ['-t', `${home}/b`, '-q', '2', '-m', 'b'])
    // The first topic that fits is the one that gets the alias.
    expect(await heard(listener, 4)).toHaveLength(4)
    expect(printed(listener).map(line => line.split('|').at(-1))).toEqual(['0', '1', '2', 'b'])
  })

  itWith(clients)('disconnect: a session that ends sooner than it was to', async () => {
    const scene = await openScene()
    const { home } = scene
    const session = ['-c', '-i', 'brief', '-x', '600', '-t', `${home}/a`, '-q', '1']
    const goodbye = [
      ...property('disconnect', 'session-expiry-interval', '0'),
      ...property('disconnect', 'reason-string', 'had enough'),
      ...property('disconnect', 'user-property', 'see', 'you'),
    ]
    await scene.hear('mqttv5', [...session, '-E'])
    await scene.publish('mqttv5', ['-t', `${home}/a`, '-q', '1', '-m', 'kept'])
    expect(await scene.hear('mqttv5', [...session, '-C', '1', ...goodbye])).toEqual(['kept'])
    await scene.publish('mqttv5', ['-t', `${home}/a`, '-q', '1', '-m', 'for nobody'])
    const nothing = await scene.run('mosquitto_sub', 'mqttv5', [...session, '-W', '1'])
    expect(nothing).toMatchObject({ code: 27, out: '' })
  })

  itWith(['mosquitto_rr', ...clients])('is asked and answers: mosquitto_rr', async () => {
    const scene = await openScene()
    const { home, corner } = scene
    const { site, hub, thing } = corner
    const questions = await scene.listen('mqttv5', ['-t', `${home}/questions`, '-q', '1', '-F', '%R|%D|%p'])
    const connection = asThing(hub, thing, 'mqttv5')
    const topics = ['-t', `${home}/questions`, '-e', `${home}/answers`]
    const correlation = property('publish', 'correlation-data', 'c-7')
    const asking = site.spawn('mosquitto_rr', [...connection, ...topics, '-q', '1', '-m', 'how warm?', ...correlation])
    expect(await heard(questions, 1)).toEqual([`${home}/answers|c-7|how warm?`])
    await scene.publish('mqttv5', ['-t', `${home}/answers`, '-q', '1', '-m', '21.5', ...correlation])
    expect(await asking.finished()).toMatchObject({ code: 0, out: '21.5\n' })
  })
})
