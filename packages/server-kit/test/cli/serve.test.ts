import { createSocket, Socket } from 'node:dgram'
import { mkdtemp, readFile, rm, stat } from 'node:fs/promises'
import { createServer } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { Readable, Writable } from 'node:stream'
import { connectAsync } from 'mqtt'
import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import { type Child, ready, start } from './child.ts'
import { call } from './fake-terminal.ts'

let directory = ''
beforeEach(async () => {
  directory = await mkdtemp(join(tmpdir(), 'thingmesh-serve-'))
})
afterEach(() => rm(directory, { recursive: true, force: true }))

const portFlags = ['--coap', '--mqtt', '--http']
const ports = portFlags.flatMap(flag => [flag, '0'])
const inData = (): string[] => ['serve', '--data', join(directory, 'data')]
const onDisk = (): string[] => [...inData(), ...ports]

async function stopped(child: Child, signal: 'SIGTERM' | 'SIGINT'): Promise<void> {
  child.process.kill(signal)
  expect(await child.exited()).toEqual({ code: 0, signal: null })
}

describe('thingmesh serve', () => {
  it('says where it is and who may administer it, once, and ends with 0 on both signals', async () => {
    await using first = start([...onDisk(), '--json'])
    const { mqtt, http, coap, coapTcp, adminToken } = await ready(first)
    for (const door of [mqtt, coap, coapTcp]) {
      expect(door.host).toBe('127.0.0.1')
      expect(door.port).toBeGreaterThan(0)
    }
    const env = { THINGMESH_URL: `http://127.0.0.1:${http.port}`, THINGMESH_TOKEN: adminToken ?? '' }
    expect(await call(['things', 'create', 'kept'], { env })).toMatchObject({ code: 0 })
    await stopped(first, 'SIGTERM')

    await using second = start([...onDisk(), '--json'])
    const again = await ready(second)
    expect(again.adminToken).toBe(undefined)
    const listed = await call(['things', 'list', '--json'], {
      env: { ...env, THINGMESH_URL: `http://127.0.0.1:${again.http.port}` },
    })
    expect(listed.json).toMatchObject([{ name: 'kept' }])
    await stopped(second, 'SIGINT')
    expect((await stat(join(directory, 'data'))).mode & 0o077).toBe(0)
  })

  it('keeps nothing with --durability memory', async () => {
    await using child = start(['serve', '--durability', 'memory', ...ports, '--json'], { cwd: directory })
    expect((await ready(child)).adminToken).toMatch(/^tmt_/)
    await stopped(child, 'SIGTERM')
    await expect(stat(join(directory, 'thingmesh-data'))).rejects.toMatchObject({ code: 'ENOENT' })
  })

  it('tells people what they need, and --quiet the token only', async () => {
    await using child = start(['serve', '--durability', 'memory', ...ports])
    const lines = [
      await child.line(),
      await child.line(),
      await child.line(),
      await child.line(),
      await child.line(),
      await child.line(),
      await child.line(),
    ]
    expect(lines[1]).toMatch(/^ {2}mqtt {6}mqtt:\/\/127\.0\.0\.1:\d+$/)
    expect(lines[2]).toMatch(
      /^ {2}http {6}http:\/\/127\.0\.0\.1:(\d+), MQTT at ws:\/\/127\.0\.0\.1:\1\/mqtt, CoAP at coap\+ws:\/\/127\.0\.0\.1:\1$/,
    )
    expect(lines[3]).toMatch(/^ {2}coap {6}coap:\/\/127\.0\.0\.1:\d+$/)
    expect(lines[4]).toMatch(/^ {2}coap\+tcp {2}coap\+tcp:\/\/127\.0\.0\.1:\d+$/)
    expect(lines[5]).toMatch(/in memory, gone with the process/)
    expect(lines[6]).toMatch(/^admin token, shown this once: tmt_/)
    await stopped(child, 'SIGTERM')
    await using quiet = start(['serve', '--durability', 'memory', ...ports, '--quiet'])
    expect(await quiet.line()).toMatch(/^admin token, shown this once: tmt_/)
    await stopped(quiet, 'SIGTERM')
  })

  it('carries MQTT over WebSocket on the port of HTTP, for scripts of the origins that it is told', async () => {
    const flags = ['--allow-origin', 'https://app.example', '--json']
    await using child = start(['serve', '--durability', 'memory', ...ports, ...flags])
    const { http, adminToken } = await ready(child)
    const env = { THINGMESH_URL: `http://127.0.0.1:${http.port}`, THINGMESH_TOKEN: adminToken ?? '' }
    await call(['channels', 'create', 'telemetry'], { env })
    const comeIn = async (origin: string) => {
      const options = { username: 'operator', password: adminToken ?? '', reconnectPeriod: 0, wsOptions: { origin } }
      const client = await connectAsync(`ws://127.0.0.1:${http.port}/mqtt`, options, false)
      await client.publishAsync('telemetry/a', '1', { qos: 1 })
      await client.endAsync()
    }
    await comeIn('https://app.example')
    await expect(comeIn('https://evil.example')).rejects.toThrow(/connect/)
    const { headers } = await fetch(`${env.THINGMESH_URL}/health`, { headers: { origin: 'https://app.example' } })
    expect(headers.get('access-control-allow-origin')).toBe('https://app.example')
    expect(await call(['serve', '--allow-origin', 'app.example'])).toMatchObject({ code: 2 })
    await stopped(child, 'SIGTERM')
  })

  it('leaves the admin token in a file that is nobody else’s, where it is told to', async () => {
    const file = join(directory, 'token')
    await using child = start(['serve', '--durability', 'memory', ...ports, '--json', '--admin-token-file', file])
    const { http, adminToken } = await ready(child)
    expect(adminToken).toBe(undefined)
    expect((await stat(file)).mode & 0o777).toBe(0o600)
    const words = ['things', 'list', '--url', `http://127.0.0.1:${http.port}`, '--token-file', file]
    expect(await call(words)).toMatchObject({ code: 0, err: '' })
    await stopped(child, 'SIGTERM')

    const kept = await readFile(file, 'utf8')
    await using other = start(['serve', '--durability', 'memory', ...ports, '--json', '--admin-token-file', file])
    expect((await ready(other)).adminToken).toMatch(/^tmt_/)
    expect(other.err()).toMatch(/cannot write the admin token to .* \(EEXIST\)/)
    expect(await readFile(file, 'utf8')).toBe(kept)
    await stopped(other, 'SIGTERM')
  })

  it.each(['--mqtt', '--http', '--coap', '--coap-tcp'])(
    'names the port that is taken and the flag %s that changes it',
    async flag => {
      const holder = flag === '--coap' ? createSocket('udp4') : createServer()
      await new Promise<void>(resolve => {
        if (holder instanceof Socket) holder.bind(0, '127.0.0.1', resolve)
        else holder.listen(0, '127.0.0.1', resolve)
      })
      const { port } = holder.address() as { port: number }
      try {
        const others = portFlags.filter(other => other !== flag).flatMap(other => [other, '0'])
        await using child = start([...inData(), ...others, flag, String(port), '--json'])
        expect(await child.exited()).toEqual({ code: 1, signal: null })
        expect(child.err()).toMatch(
          new RegExp(`^thingmesh: conflict: port ${port} on 127\\.0\\.0\\.1 is taken.*${flag} PORT\n$`),
        )
      } finally {
        await new Promise<void>(resolve => holder.close(() => resolve()))
      }
    },
  )

  it('has CoAP over TCP where it is over UDP, or nowhere, unless it is told another place', async () => {
    const doorsOf = async (...flags: string[]) => {
      await using child = start(['serve', '--durability', 'memory', '--mqtt', '0', '--http', '0', ...flags, '--json'])
      const { coap, coapTcp } = await ready(child)
      await stopped(child, 'SIGTERM')
      return { coap: coap?.port, coapTcp: coapTcp?.port }
    }
    expect(await doorsOf('--coap', 'off')).toEqual({ coap: undefined, coapTcp: undefined })
    expect(await doorsOf('--coap', '0', '--coap-tcp', 'off')).toEqual({ coap: expect.any(Number), coapTcp: undefined })
    expect(await doorsOf('--coap', 'off', '--coap-tcp', '0')).toEqual({ coap: undefined, coapTcp: expect.any(Number) })
    // Taken for TCP alone: it was the number of --coap that it was looked for at.
    const holder = createServer()
    await new Promise<void>(resolve => holder.listen(0, '127.0.0.1', resolve))
    const { port } = holder.address() as { port: number }
    await using child = start(['serve', '--durability', 'memory', '--mqtt', '0', '--http', '0', '--coap', String(port)])
    expect(await child.exited()).toEqual({ code: 1, signal: null })
    expect(child.err()).toMatch(new RegExp(`port ${port} on 127\\.0\\.0\\.1 is taken.*--coap-tcp PORT`))
    await new Promise<void>(resolve => holder.close(() => resolve()))
  })

  it('refuses a second process on the same data, and leaves the first one alone', async () => {
    await using first = start([...onDisk(), '--json'])
    const { http } = await ready(first)
    await using second = start([...onDisk(), '--json'])
    expect(await second.exited()).toEqual({ code: 1, signal: null })
    expect(second.err()).toMatch(/^thingmesh: conflict: another process has the data in .*data.*--data DIR\n$/)
    expect((await fetch(`http://127.0.0.1:${http.port}/health`)).status).toBe(200)
    await stopped(first, 'SIGTERM')
  })

  it('takes no second signal for a drain: the first one gives the signals back', async () => {
    const counts: number[] = []
    const listeners = new Set<() => void>()
    const { run } = await import('../../src/cli/run.ts')
    const code = await run(['serve', '--durability', 'memory', ...ports, '--quiet'], {
      env: {},
      stdin: Readable.from([]),
      stdout: new Writable({
        write(_chunk, _encoding, done) {
          done()
          counts.push(listeners.size)
          for (const listener of [...listeners]) listener()
          counts.push(listeners.size)
        },
      }),
      stderr: new Writable(),
      onSignal(listener) {
        listeners.add(listener)
        return () => listeners.delete(listener)
      },
      onHangup: () => () => undefined,
    })
    expect({ code, counts }).toEqual({ code: 0, counts: [1, 0] })
  })

  it('lets a follower go on where it was, over kill -9 and a restart', async () => {
    await using first = start([...onDisk(), '--json'])
    const { http, adminToken } = await ready(first)
    const env = { THINGMESH_URL: `http://127.0.0.1:${http.port}`, THINGMESH_TOKEN: adminToken ?? '' }
    await call(['channels', 'create', 'telemetry'], { env })
    await call(['pub', 'telemetry/n', '0'], { env })
    let seen = ''
    const midway = Promise.withResolvers<void>()
    const following = call(['sub', 'telemetry/#', '--after', '0', '--count', '6'], {
      env,
      onOut: text => {
        seen += text
        if (seen.includes('telemetry/n 2\n')) midway.resolve()
      },
    })
    for (const n of ['1', '2']) expect(await call(['pub', 'telemetry/n', n], { env })).toMatchObject({ code: 0 })
    await midway.promise
    expect(await call(['pub', 'telemetry/n', '3'], { env })).toMatchObject({ code: 0 })
    first.process.kill('SIGKILL')
    await first.exited()

    await using second = start([...onDisk().slice(0, -1), String(http.port), '--json'])
    await ready(second)
    for (const n of ['4', '5']) expect(await call(['pub', 'telemetry/n', n], { env })).toMatchObject({ code: 0 })
    const { code, out } = await following
    expect({ code, out }).toEqual({ code: 0, out: [0, 1, 2, 3, 4, 5].map(n => `telemetry/n ${n}\n`).join('') })
    await stopped(second, 'SIGTERM')
  })

  it('drains with connections open, well before it would be killed', async () => {
    await using child = start([...onDisk(), '--json'])
    const { http, adminToken } = await ready(child)
    const env = { THINGMESH_URL: `http://127.0.0.1:${http.port}`, THINGMESH_TOKEN: adminToken ?? '' }
    await call(['channels', 'create', 'telemetry'], { env })
    // A long poll that nothing will answer.
    const waiting = fetch(`${env.THINGMESH_URL}/channels/telemetry/messages?wait=30`, {
      headers: { authorization: `Bearer ${adminToken}` },
    }).then(
      response => response.text(),
      () => '',
    )
    const from = performance.now()
    await stopped(child, 'SIGTERM')
    expect(performance.now() - from).toBeLessThan(5_000)
    await waiting
  })
})
