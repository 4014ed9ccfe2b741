import { once } from 'node:events'
import { mkdtemp, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { connect } from 'node:tls'
import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest'
import { Authority, type Issued } from '../support/certificates.ts'
import { type Ready, ready, start } from './child.ts'
import { call } from './fake-terminal.ts'

let directory = ''
let authority: Authority
beforeEach(async () => {
  directory = await mkdtemp(join(tmpdir(), 'thingmesh-serve-tls-'))
  authority = await Authority.create()
  await put(await authority.issueServer())
})
afterEach(() => rm(directory, { recursive: true, force: true }))

const cert = () => join(directory, 'hub.pem')
const key = () => join(directory, 'hub.key')
const files = () => ['--tls-cert', cert(), '--tls-key', key()]

async function put(server: Issued): Promise<void> {
  await writeFile(cert(), server.cert)
  await writeFile(key(), server.key, { mode: 0o600 })
}

/** Whose certificate is shown there. */
async function nameAt({ port }: Ready['mqtt']): Promise<string | undefined> {
  const socket = connect({ host: '127.0.0.1', port, ca: authority.cert, checkServerIdentity: () => undefined })
  await once(socket, 'secureConnect')
  const subject = socket.getPeerX509Certificate()?.subject
  socket.destroy()
  return subject
}

const memory = ['serve', '--durability', 'memory', '--mqtt', '0', '--http', '0']

describe('thingmesh serve with TLS', () => {
  it('opens doors of TLS, reads new files at SIGHUP, and keeps what it has where they are no good', async () => {
    await using child = start([...memory, '--mqtts', '0', '--https', '0', ...files(), '--json'])
    const { mqtts, https, mqtt, http } = (await ready(child)) as Ready & Record<'mqtts' | 'https', Ready['mqtt']>
    expect(new Set([mqtts.port, https.port, mqtt.port, http.port]).size).toBe(4)
    expect(await nameAt(mqtts)).toBe('CN=localhost')
    await put(await authority.issueServer(['renewed.example']))
    child.process.kill('SIGHUP')
    await vi.waitFor(() => expect(child.err()).toMatch(/certificates read again/), { timeout: 8_000 })
    expect(await nameAt(mqtts)).toBe('CN=renewed.example')
    expect(await nameAt(https)).toBe('CN=renewed.example')
    await writeFile(key(), 'half a fi')
    child.process.kill('SIGHUP')
    await vi.waitFor(() => expect(child.err()).toMatch(/certificates stay as they were: .*cannot be used/), {
      timeout: 8_000,
    })
    await rm(key())
    child.process.kill('SIGHUP')
    await vi.waitFor(() => expect(child.err()).toMatch(/stay as they were: cannot read --tls-key .*ENOENT/), {
      timeout: 8_000,
    })
    expect(await nameAt(mqtts)).toBe('CN=renewed.example')
    child.process.kill('SIGTERM')
    expect(await child.exited()).toEqual({ code: 0, signal: null })
  })

  it('may have no door but those, and says where they are', async () => {
    const doors = ['--mqtt', 'off', '--http', 'off', '--coap', 'off', '--mqtts', '0', '--https', '0']
    await using child = start(['serve', '--durability', 'memory', ...doors, ...files()])
    const lines = [await child.line(), await child.line(), await child.line()]
    expect(lines[1]).toMatch(/^ {2}mqtts {2}mqtts:\/\/127\.0\.0\.1:\d+$/)
    expect(lines[2]).toMatch(
      /^ {2}https {2}https:\/\/127\.0\.0\.1:\d+, MQTT at wss:\/\/127\.0\.0\.1:\d+\/mqtt, CoAP at coap\+wss:\/\/127\.0\.0\.1:\d+$/,
    )
  })

  it('does not start on files that are no good', async () => {
    await writeFile(cert(), 'no certificate')
    await using child = start([...memory, '--mqtts', '0', ...files()])
    expect(await child.exited()).toMatchObject({ code: 1 })
    expect(child.err()).toMatch(/invalid-argument: the certificate, its key or its authorities cannot be used/)
  })

  it.each([
    [['--mqtts', '0'], /needs both --tls-cert FILE and --tls-key FILE/],
    [['--https', '0', '--tls-cert', 'a'], /needs both/],
    [['--tls-cert', 'a', '--tls-key', 'b'], /there is neither/],
    [['--mqtts', '0', '--tls-cert', 'a', '--tls-key', 'b', '--tls-ca', 'c'], /goes with --client-certificates/],
    [['--mqtts', '0', '--tls-cert', 'a', '--tls-key', 'b', '--client-certificates', 'required'], /goes with/],
    [['--mqtts', '0', '--tls-cert', 'a', '--tls-key', 'b', '--client-certificates', 'maybe'], /one of off, optional/],
    [['--mqtt', 'off', '--http', 'off', '--coap', 'off'], /every door is off/],
  ])('%j is wrong usage', async (flags, message) => {
    expect(await call(['serve', ...flags])).toMatchObject({ code: 2, err: expect.stringMatching(message) })
  })
})
