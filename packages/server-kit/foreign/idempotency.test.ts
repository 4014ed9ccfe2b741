import { describe, expect } from 'vitest'
import { seededRandom } from '../src/testing/messages.ts'
import { curl } from './support/curl.ts'
import { startHub } from './support/hub.ts'
import { asThing } from './support/mosquitto.ts'
import { itWith } from './support/peers.ts'
import { createChannel, createThing, readHistory } from './support/provision.ts'
import { openSite } from './support/site.ts'

const seed = Date.now() % 2 ** 31

describe('idempotency keys', () => {
  itWith(['curl'])(
    `let curl say a thing until it is answered, over kills of the hub, and it is stored once (seed ${seed})`,
    async () => {
      const site = await openSite()
      const hub = await startHub(site)
      await createChannel(hub, 'telemetry')
      const meter = await createThing(hub, 'meter', ['telemetry'])
      const random = seededRandom(seed)
      const ids: string[] = []
      let kills = 0
      for (let n = 0; n < 40; n++) {
        const options = { thing: meter, args: ['-H', `Idempotency-Key: "reading-${n}"`], body: `${n}` }
        const say = () => curl(site, hub, '/channels/telemetry/messages/n', options)
        if (n % 8 === 7) {
          // In the middle of it, or a little before or after.
          const saying = say().catch(() => undefined)
          await new Promise(resolve => setTimeout(resolve, random(25)))
          await hub.kill()
          await saying
          await hub.start()
          kills += 1
        }
        const answers = [await say(), await say()].map(({ status, body }) => [status, JSON.parse(body).id])
        expect(answers[1]).toEqual(answers[0])
        expect(answers[0]![0]).toBe(202)
        ids.push(String(answers[0]![1]))
      }
      expect(kills).toBe(5)
      const log = await readHistory(hub, 'telemetry')
      expect(log.map(({ id }) => id)).toEqual(ids)
      expect(log.map(({ payload }) => payload)).toEqual(Array.from({ length: 40 }, (_, n) => `${n}`))
    },
  )

  itWith(['curl', 'mosquitto_pub'])('are the same ones for curl and for mosquitto_pub', async () => {
    const site = await openSite()
    const hub = await startHub(site)
    await createChannel(hub, 'telemetry')
    const meter = await createThing(hub, 'meter', ['telemetry'])
    const key = ['-D', 'publish', 'user-property', 'idempotency-key', 'k 1']
    const args = [...asThing(hub, meter, 'mqttv5'), '-t', 'telemetry/n', '-q', '1', '-m', 'one', ...key]
    expect(await site.run('mosquitto_pub', args)).toMatchObject({ code: 0, err: '' })
    await hub.kill()
    await hub.start()
    expect(await site.run('mosquitto_pub', args)).toMatchObject({ code: 0, err: '' })
    const options = { thing: meter, args: ['-H', 'Idempotency-Key: k 1'], body: 'two' }
    const { status, body } = await curl(site, hub, '/channels/telemetry/messages/n', options)
    const log = await readHistory(hub, 'telemetry')
    expect(log).toMatchObject([{ payload: 'one' }])
    expect([status, JSON.parse(body)]).toEqual([202, { id: log[0]!.id }])
  })

  itWith(['curl'])('make a batch of curl’s stored once, line by line, over a kill of the hub', async () => {
    const site = await openSite()
    const hub = await startHub(site)
    await createChannel(hub, 'telemetry')
    const meter = await createThing(hub, 'meter', ['telemetry'])
    const line = (n: number) => JSON.stringify({ subtopic: 'n', payload: n, key: `reading-${n}` })
    const say = async (from: number, to: number) => {
      const body = Array.from({ length: to - from }, (_, i) => `${line(from + i)}\n`).join('')
      const options = { thing: meter, args: ['-H', 'Content-Type: application/x-ndjson'], body }
      const answer = await curl(site, hub, '/channels/telemetry/messages?batch=true', options)
      expect(answer.status).toBe(202)
      return (JSON.parse(answer.body).results as { id: string }[]).map(({ id }) => id)
    }
    const first = await say(0, 300)
    await hub.kill()
    await hub.start()
    const second = await say(200, 500)
    expect(second.slice(0, 100)).toEqual(first.slice(200))
    const log = await readHistory(hub, 'telemetry')
    expect(log.map(({ id }) => id)).toEqual([...first, ...second.slice(100)])
    expect(log.map(({ payload }) => payload)).toEqual(Array.from({ length: 500 }, (_, n) => n))
  })
})
