import { once } from 'node:events'
import { describe, expect, it } from 'vitest'
import { WebSocket } from 'ws'
import { magistralaTopics, mainfluxTopics } from '../../../../src/dialects/index.ts'
import { take, textOf } from '../../../support/hub.ts'
import { startFrames } from './fixture.ts'

async function start() {
  const site = await startFrames({ frames: { dialects: [mainfluxTopics(), magistralaTopics()] } })
  const key = await site.thing('sensor')
  const reader = await site.connect(key)
  await reader.subscribe('telemetry/#')
  const dial = (path: string, authorization = `Thing ${key}`) => {
    const headers = { authorization }
    const webSocket = new WebSocket(`ws://127.0.0.1:${site.port}${path}`, { headers })
    webSocket.on('error', () => undefined)
    return webSocket
  }
  return { site, key, reader, dial }
}

describe('a path', () => {
  it.each(['/channels/telemetry/messages/a/b', '/m/default/c/telemetry/a/b'])(
    '%s is published to and heard as what it stands for',
    async path => {
      const { site, reader, dial } = await start()
      const webSocket = dial(path)
      await once(webSocket, 'open')
      webSocket.send('21.5')
      const [message] = await take(reader, 1)
      expect([message!.topic, textOf(message!)]).toEqual(['telemetry/a/b', '21.5'])
      const [heard] = await once(webSocket, 'message')
      expect(String(heard)).toBe('21.5')
      webSocket.terminate()
      await site.expectUndisturbed()
    },
  )

  it('of Mainflux’s takes a key without a scheme, and no other path does', async () => {
    const { site, key, dial } = await start()
    const webSocket = dial('/channels/telemetry/messages', key)
    webSocket.on('open', () => webSocket.send('x'))
    const [heard] = await once(webSocket, 'message')
    expect(String(heard)).toBe('x')
    webSocket.terminate()
    for (const [path, who] of [
      ['/channels/telemetry/messages', `x${key}`],
      ['/m/default/c/telemetry', key],
    ] as const) {
      const [code] = await once(dial(path, who), 'close')
      expect(code).toBe(4401)
    }
    await site.expectUndisturbed()
  })

  it('of another domain is refused, and one of no dialect is none', async () => {
    const { site, dial } = await start()
    const [code] = await once(dial('/m/other/c/telemetry'), 'close')
    expect(code).toBe(4403)
    const [, response] = await once(dial('/m/default/d/telemetry'), 'unexpected-response')
    expect(response.statusCode).toBe(404)
    await site.expectUndisturbed()
  })
})
