import { describe, expect, it } from 'vitest'
import { magistralaTopics, mainfluxTopics } from '../../../src/dialects/index.ts'
import { httpListener } from '../../../src/listeners/http/index.ts'
import { startHub } from '../../support/hub.ts'

async function start(dialects = [mainfluxTopics(), magistralaTopics()]) {
  const door = httpListener({ port: 0, dialects })
  const test = await startHub({ listeners: [door] })
  await test.hub.control.channels.create({ name: 'secret' })
  const key = await test.thing('sensor')
  const call = async (
    method: string,
    path: string,
    { body, who = `Thing ${key}` }: { body?: string; who?: string } = {},
  ) => {
    const headers = who === '' ? {} : { authorization: who }
    const response = await fetch(`http://127.0.0.1:${door.address!.port}${path}`, {
      method,
      headers,
      ...(body !== undefined && { body }),
    })
    return { status: response.status, text: await response.text() }
  }
  return { ...test, key, call, reader: await test.connect(key) }
}

describe('a path', () => {
  it.each(['/channels/telemetry/messages/a/b', '/m/default/c/telemetry/a/b'])(
    '%s is published to, read and cleared as what it stands for',
    async path => {
      const { call, reader } = await start()
      expect((await call('POST', `${path}?retain=true`, { body: '21.5' })).status).toBe(202)
      expect(JSON.parse((await call('GET', path)).text)).toMatchObject({
        messages: [{ topic: 'telemetry/a/b', protocol: 'http' }],
      })
      expect((await call('DELETE', `${path}?retained=true`)).status).toBe(204)
      expect(await reader.latest('telemetry/#')).toEqual([])
    },
  )

  it('of a channel alone is the whole channel', async () => {
    const { call } = await start()
    await call('POST', '/m/default/c/telemetry', { body: 'a' })
    await call('POST', '/m/default/c/telemetry/b', { body: 'b' })
    const { text } = await call('GET', '/m/default/c/telemetry')
    expect(JSON.parse(text).messages.map(({ topic }: { topic: string }) => topic)).toEqual(['telemetry', 'telemetry/b'])
  })

  it('names no other domain than the own one, nothing that there is no right to, and no pattern to publish to', async () => {
    const { call } = await start()
    const post = async (path: string) => (await call('POST', path, { body: 'x' })).status
    expect(await post('/m/other/c/telemetry/a')).toBe(403)
    expect(await post('/m/default/c/secret/a')).toBe(403)
    expect(await post('/m/default/c/telemetry/+')).toBe(400)
    expect(await post('/m/default/c/%23')).toBe(400)
    expect(await post('/m/default/c/telemetry/a%2Fb')).toBe(400)
    expect(await post('/m/default/d/telemetry')).toBe(404)
    expect((await call('POST', '/m/default/c/telemetry', { body: 'x', who: '' })).status).toBe(401)
    expect((await call('PATCH', '/m/default/c/telemetry', { body: 'x' })).status).toBe(404)
  })

  it('that is of no dialect here is none, whoever asks', async () => {
    const { call } = await start([])
    expect((await call('POST', '/m/default/c/telemetry', { body: 'x' })).status).toBe(404)
    expect((await (await start()).call('GET', '/favicon.ico', { who: '' })).status).toBe(404)
  })
})

describe('a key without a scheme, as Mainflux’s older devices show it', () => {
  const path = '/channels/telemetry/messages/a'

  it('is good for all that a key of ours is, on the paths of its dialect', async () => {
    const { call, key, reader } = await start()
    expect((await call('POST', `${path}?retain=true`, { body: '21.5', who: key })).status).toBe(202)
    expect((await reader.latest('telemetry/a')).length).toBe(1)
    expect((await call('GET', path, { who: key })).status).toBe(200)
    expect((await call('DELETE', `${path}?retained=true`, { who: key })).status).toBe(204)
  })

  it('is as strict as ours: a wrong one is refused, and not repeated', async () => {
    const { call, key } = await start()
    for (const who of [`x${key.slice(1)}`, key.slice(0, -1), `${key}x`, `${key},${key}`, 'Thing', 'Basic']) {
      const { status, text } = await call('POST', path, { body: 'x', who })
      expect([who, status]).toEqual([who, 401])
      expect(text).not.toContain(key.slice(1, 12))
    }
  })

  it('is none elsewhere, nor where its dialect is not spoken; and in an address there is none at all', async () => {
    const { call, key } = await start()
    const elsewhere = [
      ['POST', '/m/default/c/telemetry'],
      ['GET', '/api/v1/me'],
      ['GET', '/api/v1/presence'],
    ] as const
    for (const [method, other] of elsewhere) {
      const body = method === 'POST' ? { body: 'x' } : {}
      expect([other, (await call(method, other, { ...body, who: key })).status]).toEqual([other, 401])
    }
    expect((await call('POST', `${path}?authorization=${key}`, { body: 'x', who: '' })).status).toBe(401)
    const without = await start([magistralaTopics()])
    expect((await without.call('POST', path, { body: 'x', who: without.key })).status).toBe(401)
  })
})
