import { mkdtemp, readFile, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { connectHttp } from '@thingmesh/core'
import { expect, it, onTestFinished } from 'vitest'
import { startExample } from './child.ts'

it('commands once for each message that asks for it, over what is no JSON and over a kill', async () => {
  const cwd = await mkdtemp(join(tmpdir(), 'thingmesh-rule-'))
  onTestFinished(() => rm(cwd, { recursive: true }))
  const start = async () => {
    const child = startExample('rule/fan.ts', [], { cwd, env: { HTTP_PORT: '0' } })
    onTestFinished(() => child[Symbol.asyncDispose]())
    const { http, adminToken } = JSON.parse(await child.lineWith(/http/))
    return { child, url: `http://127.0.0.1:${http.port}`, adminToken }
  }

  const first = await start()
  const token = first.adminToken
  const device = connectHttp(first.url, { token })
  await device.publish('telemetry/hall/climate', 'warm')
  await device.publish('telemetry/hall/climate', { temperature: '31' })
  await device.publish('telemetry/hall/climate', { temperature: 29 })
  await device.publish('telemetry/attic/climate', { temperature: 31 })
  const told = await first.child.lineWith(/attic/)
  expect(first.child.err()).toMatch(/hall\/climate: SyntaxError.*\n.*hall\/climate: TypeError: there is no temperature/)
  first.child.process.kill('SIGKILL')
  await first.child.exited()

  // What was done with just before is given again, and answered with the command that there is.
  const second = await start()
  expect(await second.child.lineWith(/attic/)).toBe(told)
  const reader = connectHttp(second.url, { token })
  await reader.publish('telemetry/hall/climate', { temperature: 35 })
  await second.child.lineWith(/hall/)
  const { messages } = await reader.read('commands/#')
  expect(messages.map(({ topic, payload }) => [topic, payload])).toEqual([
    ['commands/attic/fan', 'on'],
    ['commands/hall/fan', 'on'],
  ])
  second.child.process.kill('SIGTERM')
  expect(await second.child.exited()).toEqual({ code: 0, signal: null })
})

it('stands in the guide as it is', async () => {
  const guide = await readFile(new URL('../../docs/EMBEDDING.md', import.meta.url), 'utf8')
  expect(guide).toContain(await readFile(new URL('../rule/fan.ts', import.meta.url), 'utf8'))
})
