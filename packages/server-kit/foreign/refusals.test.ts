import { describe, expect } from 'vitest'
import { AckedStream, toPayload } from './support/acked-stream.ts'
import { curl } from './support/curl.ts'
import { type HubProcess, startHub } from './support/hub.ts'
import { asThing, type MqttVersion, mqttVersions, printed, subscribed } from './support/mosquitto.ts'
import { itWith } from './support/peers.ts'
import { createChannel, createThing, readHistory, type Thing } from './support/provision.ts'
import { openSite, type Site } from './support/site.ts'

interface Scene {
  readonly site: Site
  readonly hub: HubProcess
  /** Has its rights on `telemetry`, and none on `secret`. */
  readonly meter: Thing
  /** Has no rights at all. */
  readonly stranger: Thing
}

const longLevel = 'x'.repeat(300)
const oversize = 'x'.repeat(300 * 1024)
const wrongKey = (thing: Thing): Thing => ({ ...thing, secret: `${thing.secret.slice(0, -4)}AAAA` })
const unknownThing = (thing: Thing): Thing => ({ ...thing, name: 'nobody' })

/**
 * Runs the refusals while somebody else publishes and a bystander listens, who is to see every message and nothing else.
 */
async function besideBystander(refusals: (scene: Scene) => Promise<void>): Promise<void> {
  const site = await openSite()
  const hub = await startHub(site)
  for (const channel of ['telemetry', 'secret', 'bystander']) await createChannel(hub, channel)
  const meter = await createThing(hub, 'meter', ['telemetry'])
  const stranger = await createThing(hub, 'stranger', [])
  const source = await createThing(hub, 'source', ['bystander'])
  const bystander = await subscribed(site, [...asThing(hub, source, 'mqttv5'), '-t', '#', '-q', '1'])
  const listens = (count: number) =>
    bystander.says(running => printed(running).length >= count, `${count} messages for the bystander`)
  // One window at a time, so that the stream lasts as long as the refusals do.
  const stream = new AckedStream('bystander/n', 1_000_000, 2)
  await stream.connect(site, hub, source)
  await listens(1)

  await refusals({ site, hub, meter, stranger })

  const during = stream.acked.length
  await stream.whenAcked(during + 10)
  await stream.leave()
  await listens(stream.acked.length)
  const heard = printed(bystander)
  expect(heard).toEqual(heard.map((_, n) => toPayload(n)))
  for (const channel of ['telemetry', 'secret']) expect(await readHistory(hub, channel)).toEqual([])
  expect(hub.process.err).toBe('')
}

function publish({ site, hub }: Scene, thing: Thing, version: MqttVersion, topic: string, payload = 'x') {
  const args = [...asThing(hub, thing, version), '-t', topic, '-q', '1', '-s']
  return site.run('mosquitto_pub', args, { stdin: payload, timeoutMs: 10_000 })
}

function subscribe({ site, hub }: Scene, thing: Thing, version: MqttVersion, filter: string) {
  const args = [...asThing(hub, thing, version), '-t', filter, '-q', '1', '-W', '10']
  return site.run('mosquitto_sub', args, { timeoutMs: 15_000 })
}

const refusedConnect = {
  mqttv31: { code: 4, says: 'Connection Refused: bad user name or password.' },
  mqttv311: { code: 4, says: 'Connection Refused: bad user name or password.' },
  mqttv5: { code: 134, says: 'Bad User Name or Password' },
} as const

describe('refusals, told to stock clients', () => {
  for (const version of mqttVersions) {
    itWith(['mosquitto_pub', 'mosquitto_sub', 'stdbuf'])(`by -V ${version}`, () =>
      besideBystander(async scene => {
        const { meter, stranger } = scene
        const { code, says } = refusedConnect[version]
        const refused = { code, out: '', err: expect.stringContaining(says) }
        expect(await publish(scene, wrongKey(meter), version, 'telemetry/n')).toMatchObject(refused)
        expect(await subscribe(scene, wrongKey(meter), version, 'telemetry/#')).toMatchObject(refused)
        // Whether the name exists is not told.
        const unknown = await publish(scene, unknownThing(meter), version, 'telemetry/n')
        expect(unknown).toEqual(await publish(scene, wrongKey(meter), version, 'telemetry/n'))

        // MQTT 5 refuses the one message and says why; before it only the connection can be refused.
        const lost = { code: 7, err: 'Error: The connection was lost.\n' }
        const notAuthorized = expect.stringMatching(/Not authorized\.\nno right to publish to this topic\n$/)
        const noRight = version === 'mqttv5' ? { code: 0, err: notAuthorized } : lost
        expect(await publish(scene, meter, version, 'secret/n')).toMatchObject(noRight)
        expect(await publish(scene, stranger, version, 'telemetry/n')).toMatchObject(noRight)
        // Whether the channel exists is not told either.
        expect(await publish(scene, meter, version, 'nowhere/n')).toMatchObject(noRight)

        const tooLong = expect.stringMatching(/Topic Name invalid\.\ntopic has at least 310 bytes, the limit is 256\n$/)
        const badTopic = version === 'mqttv5' ? { code: 0, err: tooLong } : lost
        expect(await publish(scene, meter, version, `telemetry/${longLevel}`)).toMatchObject(badTopic)

        // In MQTT 5 the client was told the limit and keeps to it, without a word; the log shows that nothing came.
        const tooLarge = version === 'mqttv5' ? { code: 0 } : lost
        expect(await publish(scene, meter, version, 'telemetry/n', oversize)).toMatchObject(tooLarge)

        const denied = { code: 0, out: '', err: 'All subscription requests were denied.\n' }
        expect(await subscribe(scene, meter, version, 'secret/#')).toMatchObject(denied)
        expect(await subscribe(scene, stranger, version, '#')).toMatchObject(denied)
        expect(await subscribe(scene, meter, version, `telemetry/${longLevel}`)).toMatchObject(denied)
      }),
    )
  }

  itWith(['curl', 'mosquitto_sub', 'stdbuf'])('by HTTP, as JSON', () =>
    besideBystander(async ({ site, hub, meter, stranger }) => {
      const refusal = async (path: string, options: Parameters<typeof curl>[3]) => {
        const { status, contentType, body } = await curl(site, hub, path, options)
        expect(contentType).toBe('application/json')
        return { status, error: (JSON.parse(body) as { readonly error: object }).error }
      }
      const history = '/channels/telemetry/messages'
      const unauthenticated = {
        status: 401,
        error: { code: 'unauthenticated', message: 'the credential is not valid' },
      }
      expect(await refusal(history, { thing: wrongKey(meter) })).toEqual(unauthenticated)
      expect(await refusal(`${history}/n`, { thing: wrongKey(meter), body: 'x' })).toEqual(unauthenticated)
      expect(await refusal(history, { args: ['-u', `meter:${wrongKey(meter).secret}`] })).toEqual(unauthenticated)
      expect(await refusal(history, { args: ['-u', `nobody:${meter.secret}`] })).toEqual(unauthenticated)
      expect(await refusal(history, {})).toMatchObject({ status: 401, error: { code: 'unauthenticated' } })

      const denied = { status: 403, error: { code: 'permission-denied' } }
      expect(await refusal('/channels/secret/messages', { thing: meter })).toMatchObject(denied)
      expect(await refusal(history, { thing: stranger })).toMatchObject(denied)
      const noRight = await refusal('/channels/secret/messages/n', { thing: meter, body: 'x' })
      expect(noRight).toMatchObject(denied)
      expect(await refusal('/channels/nowhere/messages/n', { thing: meter, body: 'x' })).toEqual(noRight)
      expect(await refusal('/api/v1/things', { thing: meter })).toMatchObject(denied)

      expect(await refusal(`${history}/${longLevel}`, { thing: meter, body: 'x' })).toMatchObject({
        status: 400,
        error: { code: 'invalid-argument', message: 'topic has at least 310 bytes, the limit is 256' },
      })
      expect(await refusal(`${history}/n`, { thing: meter, body: oversize })).toMatchObject({
        status: 413,
        error: { code: 'too-large', message: 'body has at least 307200 bytes, the limit is 262144' },
      })
    }),
  )
})
