import { mkdtemp, readFile, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { connectHttp, createAdmin } from '@thingmesh/core'
import { connectAsync } from 'mqtt'
import { afterAll, beforeAll, expect, it } from 'vitest'
import { startExample } from './child.ts'

let directory = ''
beforeAll(async () => {
  directory = await mkdtemp(join(tmpdir(), 'thingmesh-embed-'))
})
afterAll(() => rm(directory, { recursive: true, force: true }))

it('is a hub: what comes in over MQTT is read over HTTP, and it ends when it is told to', async () => {
  await using child = startExample('server/server.ts', [], { cwd: directory, env: { MQTT_PORT: '0', HTTP_PORT: '0' } })
  const started = JSON.parse(await child.lineWith(/adminToken/)) as {
    readonly mqtt: { readonly port: number }
    readonly http: { readonly port: number }
    readonly adminToken: string
  }
  const url = `http://127.0.0.1:${started.http.port}`
  const admin = createAdmin(url, { token: started.adminToken })
  await admin.channels.create({ name: 'doors' })
  const thing = await admin.things.create({ name: 'lock' })
  await admin.grants.create({ thing: 'lock', channel: 'doors', actions: ['publish', 'read'] })

  const client = connectHttp(url, { key: thing.key.secret })
  const abort = new AbortController()
  const first = client.follow('doors/#', { after: '', signal: abort.signal }).next()
  const device = await connectAsync(`mqtt://127.0.0.1:${started.mqtt.port}`, {
    username: 'lock',
    password: thing.key.secret,
    protocolVersion: 5,
    reconnectPeriod: 0,
  })
  await device.publishAsync('doors/front', 'open', { qos: 1 })
  await device.endAsync()
  expect((await first).value).toMatchObject({ topic: 'doors/front', payload: 'open', publisher: `thing:${thing.id}` })

  abort.abort()
  client.close()
  admin.close()
  child.process.kill('SIGTERM')
  expect(await child.exited()).toEqual({ code: 0, signal: null })
})

it('stands in the README as it is: six lines, and its imports', async () => {
  const server = await readFile(new URL('../server/server.ts', import.meta.url), 'utf8')
  expect(await readFile(new URL('../../README.md', import.meta.url), 'utf8')).toContain(server)
  expect(server.split('\n').filter(line => line !== '' && !line.startsWith('import'))).toHaveLength(6)
})
