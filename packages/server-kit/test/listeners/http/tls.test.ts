import { once } from 'node:events'
import { type RequestOptions, request } from 'node:https'
import { connect as connectTcp } from 'node:net'
import { connect as connectTls, type TLSSocket } from 'node:tls'
import { beforeAll, describe, expect, it, onTestFinished, vi } from 'vitest'
import type { ClientCertificates } from '../../../src/contracts/index.ts'
import { type HttpListenerOptions, httpListener } from '../../../src/listeners/http/index.ts'
import { tlsIdentity } from '../../../src/tls/index.ts'
import { Authority, type Issued } from '../../support/certificates.ts'
import { startHub } from '../../support/hub.ts'

let servers: Authority
let things: Authority
let server: Issued
beforeAll(async () => {
  servers = await Authority.create('servers')
  things = await Authority.create('things')
  server = await servers.issueServer()
})

async function secured(clientCertificates: ClientCertificates = 'off', options: HttpListenerOptions = {}) {
  const identity = tlsIdentity({ ...server, ca: things.cert, clientCertificates })
  const door = httpListener({ port: 0, tls: identity, ...options })
  const hub = await startHub({ listeners: [door] })
  const port = door.address!.port
  return { ...hub, identity, port }
}

const path = '/channels/telemetry/messages/a'

/** One exchange on a connection of its own. */
function ask(
  port: number,
  options: RequestOptions = {},
): Promise<{ readonly status: number; readonly subject: string }> {
  return new Promise((resolve, reject) => {
    const sent = request(
      {
        host: '127.0.0.1',
        port,
        path,
        method: 'POST',
        servername: 'localhost',
        ca: servers.cert,
        agent: false,
        ...options,
      },
      response => {
        response.resume()
        const certificate = (response.socket as TLSSocket).getPeerCertificate()
        response.on('end', () => resolve({ status: response.statusCode ?? 0, subject: String(certificate.subject.CN) }))
      },
    )
    sent.on('error', reject)
    sent.end('21.5')
  })
}

describe('HTTP over TLS', () => {
  it('answers by key, and not without TLS', async () => {
    const { port, thing, counter } = await secured()
    const key = await thing('sensor')
    const headers = { authorization: `Thing ${key}` }
    expect(await ask(port, { headers })).toMatchObject({ status: 202 })
    expect(await ask(port)).toMatchObject({ status: 401 })
    const plain = connectTcp({ host: '127.0.0.1', port })
    plain.on('error', () => undefined).resume()
    plain.write('GET /health HTTP/1.1\r\nHost: hub\r\n\r\n')
    await once(plain, 'close')
    await vi.waitFor(() => expect(counter('thingmesh_http_refused_total', { limit: 'not-tls' })).toBe(1))
    await vi.waitFor(() => expect(counter('thingmesh_http_connections')).toBe(0))
  })

  it('meets a new certificate after a reload', async () => {
    const { port, identity } = await secured()
    expect(await ask(port)).toMatchObject({ subject: 'localhost' })
    identity.reload(await servers.issueServer(['renewed.example', 'localhost']))
    expect(await ask(port)).toMatchObject({ subject: 'renewed.example' })
  })

  it('knows a thing by its certificate where there is no authorization header, and by that where there is', async () => {
    const { port, thing, hub } = await secured('optional')
    const [one, two] = [await thing('one'), await thing('two', [])]
    const certificate = await things.issue({ dnsNames: ['one'] })
    expect(await ask(port, certificate)).toMatchObject({ status: 202 })
    expect(await ask(port, { ...certificate, headers: { authorization: `Thing ${two}` } })).toMatchObject({
      status: 403,
    })
    expect(await ask(port, { ...certificate, headers: { authorization: 'Thing guess' } })).toMatchObject({
      status: 401,
    })
    expect(await ask(port, await things.issue({ dnsNames: ['two'] }))).toMatchObject({ status: 403 })
    expect(await ask(port, { headers: { authorization: `Thing ${one}` } })).toMatchObject({ status: 202 })
    expect(await ask(port)).toMatchObject({ status: 401 })
    await hub.control.things.update('one', { enabled: false })
    expect(await ask(port, certificate)).toMatchObject({ status: 401 })
  })

  it('takes the certificate of a trusted proxy for nobody’s', async () => {
    const { port, thing } = await secured('required', { trustProxy: true })
    const key = await thing('proxy')
    const certificate = await things.issue({ dnsNames: ['proxy'] })
    const forwarded = { 'x-forwarded-for': '192.0.2.7' }
    expect(await ask(port, { ...certificate, headers: forwarded })).toMatchObject({ status: 401 })
    expect(await ask(port, certificate)).toMatchObject({ status: 401 })
    const headers = { ...forwarded, authorization: `Thing ${key}` }
    expect(await ask(port, { ...certificate, headers })).toMatchObject({ status: 202 })
  })

  it('bounds handshakes, and the time for headers behind them', async () => {
    const { port, counter } = await secured('off', { requestTimeoutMs: 500, connectionsPerAddressMax: 10 })
    const silent = Array.from({ length: 10 }, async () => {
      const socket = connectTcp({ host: '127.0.0.1', port })
      await once(socket.on('error', () => undefined).resume(), 'close')
    })
    await vi.waitFor(() => expect(counter('thingmesh_http_connections')).toBe(10))
    await expect(ask(port)).rejects.toThrow()
    await Promise.all(silent)
    await vi.waitFor(() => expect(counter('thingmesh_http_refused_total', { limit: 'handshake-timeout' })).toBe(10))
    const slow = connectTls({ host: '127.0.0.1', port, ca: servers.cert, servername: 'localhost' })
    onTestFinished(() => void slow.destroy())
    slow.write('GET /health HTTP/1.1\r\n')
    const [said] = await once(slow, 'data')
    expect(String(said)).toMatch(/^HTTP\/1\.1 408 /)
    await vi.waitFor(() => expect(counter('thingmesh_http_connections')).toBe(0))
  })
})
