import { connect, connectAsync } from 'mqtt'
import { describe, expect, it } from 'vitest'
import { type HubProcess, startHub } from './support/hub.ts'
import { type MqttVersion, mqttVersions, printed, subscribed } from './support/mosquitto.ts'
import { itWith } from './support/peers.ts'
import { createChannel, createThing, readHistory } from './support/provision.ts'
import { openSite, type Site } from './support/site.ts'
import { until } from './support/until.ts'

const mosquitto = ['mosquitto_pub', 'mosquitto_sub', 'stdbuf']
const asAnybody = (hub: HubProcess, version: MqttVersion = 'mqttv311') => [
  ...['-h', hub.host, '-p', String(hub.mqttPort), '-V', version],
]

async function openScene(flags: readonly string[] = ['--open', '--limits', 'spec']) {
  const site = await openSite()
  const hub = await startHub(site, { flags })
  return { site, hub }
}

function publish(site: Site, hub: HubProcess, version: MqttVersion, topic: string, ...args: readonly string[]) {
  return site.run('mosquitto_pub', [...asAnybody(hub, version), '-t', topic, '-q', '1', ...args])
}

const topics = [
  '/leading/slash',
  'trailing/',
  '//',
  'a//b',
  ' /a b',
  '/',
  'größe/温度/🌡',
  '__proto__',
  '\ufeffbom',
  'x'.repeat(1_000),
]

describe('a hub that is open', () => {
  itWith(mosquitto)('carries the topics of a plain broker, without credentials, in every version', async () => {
    const { site, hub } = await openScene()
    const listeners = await Promise.all(
      mqttVersions.map(version =>
        subscribed(site, [...asAnybody(hub, version), '-t', '#', '-q', '1', '-F', '%q %t %p']),
      ),
    )
    const lines: string[] = []
    for (const version of mqttVersions) {
      for (const topic of topics) {
        expect(await publish(site, hub, version, topic, '-m', version)).toMatchObject({ code: 0, err: '' })
        lines.push(`1 ${topic} ${version}`)
      }
    }
    for (const listener of listeners) {
      await listener.says(running => printed(running).length >= lines.length, `${lines.length} messages`)
      expect(printed(listener)).toEqual(lines)
    }
    // In the log it is all below one channel, for who has a token.
    const history = await readHistory(hub, 'open')
    expect(history.map(({ topic }) => topic)).toEqual(mqttVersions.flatMap(() => topics.map(topic => `open/${topic}`)))
  })

  itWith(mosquitto)('has nothing below $ for anybody', async () => {
    const { site, hub } = await openScene()
    const refused = await site.run('mosquitto_sub', [...asAnybody(hub, 'mqttv5'), '-t', '$SYS/#', '-W', '10'])
    expect(refused).toMatchObject({ out: '', err: 'All subscription requests were denied.\n' })
    const published = await publish(site, hub, 'mqttv5', '$SYS/x', '-m', 'x')
    expect(published.err).toMatch(/Topic name invalid/i)
  })

  itWith(mosquitto)(
    'keeps last values and absent sessions over a kill, and takes names and passwords that mean nothing',
    async () => {
      const { site, hub } = await openScene()
      const session = [...asAnybody(hub), '-i', 'lasting', '-c', '-q', '1', '-t', '/away/+']
      await (await subscribed(site, session)).kill('SIGTERM')
      const kept = await publish(site, hub, 'mqttv5', '/away/1', '-m', 'kept', '-r')
      expect(kept).toMatchObject({ code: 0, err: '' })
      const missed = await publish(site, hub, 'mqttv311', '/away/1', '-m', 'missed', '-u', 'anybody', '-P', 'anything')
      expect(missed).toMatchObject({ code: 0, err: '' })
      await hub.kill()
      await hub.start()
      const fresh = await site.run('mosquitto_sub', [
        ...asAnybody(hub),
        '-t',
        '/+/1',
        '-C',
        '1',
        '-W',
        '20',
        '-F',
        '%r %t %p',
      ])
      expect(fresh.out).toBe('1 /away/1 kept\n')
      const back = await site.run('mosquitto_sub', [...session, '-C', '2', '-W', '20', '-F', '%t %p'])
      expect(back.out).toBe('/away/1 kept\n/away/1 missed\n')
    },
  )

  it('warns on stderr, shows the admin token, and keeps everybody out of what is not open', async () => {
    const { hub } = await openScene(['--open'])
    expect(hub.process.err).toMatch(/^thingmesh: WARNING: this hub is OPEN/)
    expect(hub.adminToken).toMatch(/^tmt_/)
    await createChannel(hub, 'secret')
    expect((await fetch(`${hub.url}/channels/secret/messages`)).status).toBe(401)
    const basic = `Basic ${Buffer.from('anybody:anything').toString('base64')}`
    const foreign = await fetch(`${hub.url}/channels/secret/messages`, { headers: { authorization: basic } })
    expect(foreign.status).toBe(401)
    for (const authorization of [basic, 'Bearer anything', 'Thing anything']) {
      expect((await fetch(`${hub.url}/channels/open/messages`, { headers: { authorization } })).status).toBe(401)
    }
  })

  it('lets in as many as come, told apart by their client ids', async () => {
    const { hub } = await openScene(['--open'])
    const clients = await Promise.all(
      Array.from({ length: 30 }, (_, i) =>
        connectAsync({ host: hub.host, port: hub.mqttPort, protocolVersion: i % 2 === 0 ? 4 : 5, reconnectPeriod: 0 }),
      ),
    )
    const heard: string[] = []
    for (const [i, client] of clients.entries()) {
      client.on('message', (topic, payload) => heard.push(`${i} ${topic} ${payload}`))
      await client.subscribeAsync('/all//+', { qos: 1 })
    }
    await clients[0]!.publishAsync('/all//x', 'hello', { qos: 1 })
    await until(() => heard.length >= 30, 'one message at each of 30 clients')
    expect(heard.sort()).toEqual(clients.map((_, i) => `${i} /all//x hello`).sort())
    await Promise.all(clients.map(client => client.endAsync()))
  })
})

describe('a hub that is not open', () => {
  it('lets nobody in who has no key', async () => {
    const { hub } = await openScene([])
    expect(hub.process.err).toBe('')
    const options = { host: hub.host, port: hub.mqttPort, reconnectPeriod: 0 }
    for (const credentials of [{}, { username: 'anybody' }, { username: 'anybody', password: 'anything' }]) {
      const client = connect({ ...options, ...credentials })
      await expect(
        new Promise((resolve, reject) => client.once('connect', resolve).once('error', reject)),
      ).rejects.toThrow(/refused/i)
      await client.endAsync(true)
    }
  })

  itWith(mosquitto)('knows the topics of Mainflux and Magistrala', async () => {
    const { site, hub } = await openScene([])
    await createChannel(hub, 'telemetry')
    const { id, name, secret } = await createThing(hub, 'meter', ['telemetry'])
    const [byId, byName] = [id, name].map(user => [...asAnybody(hub), '-u', user, '-P', secret, '-q', '1'])
    const forms = ['channels/telemetry/messages/a', 'm/default/c/telemetry/a', 'telemetry/a']
    const listeners = await Promise.all(forms.map(form => subscribed(site, [...byId!, '-t', form, '-F', '%t %p'])))
    for (const form of forms) {
      expect(await site.run('mosquitto_pub', [...byName!, '-t', form, '-m', form])).toMatchObject({ code: 0, err: '' })
    }
    for (const [i, listener] of listeners.entries()) {
      await listener.says(running => printed(running).length >= 3, 'three messages')
      expect(printed(listener)).toEqual(forms.map(form => `${forms[i]} ${form}`))
    }
  })
})
