import { once } from 'node:events'
import { Agent, request as httpRequest, type IncomingHttpHeaders, type IncomingMessage } from 'node:http'
import { connect, type Socket } from 'node:net'
import { afterEach, describe, expect, it } from 'vitest'
import type { Listener } from '../../../src/contracts/index.ts'
import { type HttpListenerOptions, httpListener } from '../../../src/listeners/http/index.ts'
import { asThing } from './caller.ts'
import { type FakeHub, fakeHub } from './fake-hub.ts'
import { gate } from './gate.ts'

const started: Listener[] = []
const sockets: Socket[] = []

afterEach(async () => {
  for (const socket of sockets.splice(0)) socket.destroy()
  for (const listener of started.splice(0)) await listener.stop()
})

async function start(options: HttpListenerOptions = {}): Promise<{ hub: FakeHub; listener: Listener; port: number }> {
  const hub = fakeHub()
  const listener = httpListener({ port: 0, ...options })
  started.push(listener)
  await listener.start(hub)
  return { hub, listener, port: listener.address!.port }
}

/** A connection on which a test writes what it likes. */
async function dial(port: number): Promise<{ socket: Socket; received: () => string; ended: Promise<unknown> }> {
  const socket = connect(port, '127.0.0.1')
  sockets.push(socket)
  let text = ''
  socket.on('data', chunk => {
    text += chunk
  })
  socket.on('error', () => {})
  const ended = once(socket, 'close')
  await once(socket, 'connect')
  return { socket, received: () => text, ended }
}

async function send(port: number, text: string): Promise<string> {
  const { socket, received, ended } = await dial(port)
  socket.write(text)
  await ended
  return received()
}

interface Answer {
  readonly status: number
  readonly headers: IncomingHttpHeaders
  readonly text: string
}

async function ask(
  port: number,
  method: string,
  path: string,
  { body, headers = {}, agent }: { body?: Buffer; headers?: Record<string, string>; agent?: Agent } = {},
): Promise<Answer> {
  const request = httpRequest({
    port,
    host: '127.0.0.1',
    method,
    path,
    agent,
    headers: { authorization: asThing, ...headers },
  })
  request.end(body)
  const [response] = (await once(request, 'response')) as [IncomingMessage]
  let text = ''
  for await (const chunk of response) text += chunk
  return { status: response.statusCode!, headers: response.headers, text }
}

const post = (headers: string, body = '') =>
  `POST /channels/a/messages HTTP/1.1\r\nHost: x\r\nAuthorization: ${asThing}\r\n${headers}\r\n${body}`

const refused = (hub: FakeHub, limit: string) => hub.counters.get(`thingmesh_http_refused_total ${limit}`)?.value

describe('the listener', () => {
  it('serves the handler, with the address of who connected', async () => {
    const { hub, port, listener } = await start()
    expect(listener.address).toEqual({ host: '127.0.0.1', port })
    const answer = await ask(port, 'POST', '/channels/telemetry/messages/a', { body: Buffer.from('x') })
    expect([answer.status, answer.text]).toEqual([202, '{"id":"hub.e1.1"}'])
    expect(answer.headers).toMatchObject({
      'content-type': 'application/json',
      'content-length': '17',
      'cache-control': 'no-store',
      'x-content-type-options': 'nosniff',
    })
    expect(hub.opened[0]!.hello).toMatchObject({ protocol: 'http', peer: { address: '127.0.0.1' } })
    const read = await ask(port, 'GET', '/channels/telemetry/messages?last=1')
    expect(JSON.parse(read.text).messages[0].payload).toBe('x')
    const head = await ask(port, 'HEAD', '/health')
    expect([head.status, head.text, head.headers['content-type']]).toEqual([200, '', 'application/health+json'])
    const cleared = await ask(port, 'DELETE', '/channels/telemetry/messages?retained=true')
    expect([cleared.status, cleared.text, cleared.headers['content-length']]).toEqual([204, '', undefined])
  })

  it('leaves the globals alone', async () => {
    const before = [globalThis.Request, globalThis.Response]
    await start()
    expect([globalThis.Request, globalThis.Response]).toEqual(before)
  })

  it('names the port that is taken, and can be started and stopped twice', async () => {
    const { port, hub, listener } = await start()
    const second = httpListener({ port })
    await expect(second.start(hub)).rejects.toMatchObject({
      code: 'conflict',
      message: `cannot listen on 127.0.0.1:${port}: the port is taken`,
    })
    await second.stop()
    await listener.start(hub)
    expect(listener.address?.port).toBe(port)
    await listener.stop()
    await listener.stop()
    expect(listener.address).toBeUndefined()
    await second.start(hub)
    expect((await ask(port, 'GET', '/health')).status).toBe(200)
    await second.stop()
  })

  it('answers HTTP/1.0 and ignores what a host header says', async () => {
    const { port } = await start()
    expect(await send(port, 'GET /health HTTP/1.0\r\n\r\n')).toMatch(/^HTTP\/1\.1 200 OK\r\n/)
    for (const host of ['evil.example', 'a/channels', '[::', '']) {
      const text = await send(port, `GET /openapi.json HTTP/1.1\r\nHost: ${host}\r\nConnection: close\r\n\r\n`)
      expect([host, text.slice(0, 12)]).toEqual([host, expect.stringMatching(/^HTTP\/1\.1 [24]00$/)])
      expect(text).not.toContain('evil')
    }
  })

  it.each([
    ['no request at all', 'hello\r\n\r\n'],
    ['two lengths', post('Content-Length: 1\r\nContent-Length: 2\r\n', 'x')],
    ['a length and chunks', post('Content-Length: 1\r\nTransfer-Encoding: chunked\r\n', '0\r\n\r\n')],
    ['a space before the colon', 'GET /health HTTP/1.1\r\nHost : x\r\n\r\n'],
    ['a bare line feed in a header', 'GET /health HTTP/1.1\r\nHost: x\r\nA: b\nC: d\r\n\r\n'],
  ])('refuses %s', async (_what, text) => {
    const { port, hub } = await start()
    const answer = await send(port, text)
    expect(answer).toMatch(/^HTTP\/1\.1 400 Bad Request\r\n/)
    expect(answer).toContain('{"error":{"code":"invalid-argument","message":"malformed request"}}')
    expect(refused(hub, 'malformed')).toBe(1)
    expect(hub.opened).toEqual([])
  })
})

describe('what the parser stumbles over', () => {
  it('is answered on a connection that has had answers before', async () => {
    const { port } = await start()
    const { socket, received, ended } = await dial(port)
    socket.write('GET /health HTTP/1.1\r\nHost: x\r\n\r\n')
    await expect.poll(received).toContain('"status":"pass"')
    socket.write('nonsense\r\n\r\n')
    await ended
    expect(received().split('HTTP/1.1 400 ').length).toBe(2)
  })

  it('is not taken for the answer to the request before it', async () => {
    const { port, hub } = await start()
    hub.beforeCommit = () => gate().opened
    const { socket, received, ended } = await dial(port)
    socket.write(post('Content-Length: 1\r\n', 'x'))
    await expect.poll(() => hub.messages.length).toBe(1)
    socket.write('nonsense\r\n\r\n')
    await ended
    expect(received()).toBe('')
  })
})

describe('limits', () => {
  it('on a declared body answer before it comes', async () => {
    const { port, hub } = await start({ bodyBytesMax: 1000 })
    const { socket, received } = await dial(port)
    socket.write(post('Content-Length: 1001\r\n'))
    await expect.poll(received).toContain('HTTP/1.1 413 ')
    expect(received()).toContain('"max":1000')
    expect(hub.opened).toEqual([])
  })

  it('on a body are told to who sends all of it nevertheless', async () => {
    const { port } = await start()
    const { status, text } = await ask(port, 'POST', '/channels/a/messages', { body: Buffer.alloc(3_000_000) })
    expect([status, JSON.parse(text).error.code]).toEqual([413, 'too-large'])
    expect((await ask(port, 'POST', '/channels/a/messages', { body: Buffer.alloc(262_144) })).status).toBe(202)
  })

  it('count chunks as they come', async () => {
    const { port, hub } = await start({ bodyBytesMax: 1000 })
    const { socket, received } = await dial(port)
    socket.write(post('Transfer-Encoding: chunked\r\n'))
    for (let i = 0; i < 10; i++) socket.write(`64\r\n${'x'.repeat(100)}\r\n`)
    await expect.poll(() => hub.opened.length).toBe(1)
    expect(received()).toBe('')
    socket.write('1\r\nx\r\n')
    await expect.poll(received).toContain('HTTP/1.1 413 ')
    const whole = await send(port, post('Transfer-Encoding: chunked\r\nConnection: close\r\n', '3\r\nabc\r\n0\r\n\r\n'))
    expect(whole).toContain('HTTP/1.1 202 ')
    expect(Buffer.from(hub.messages[0]!.payload).toString()).toBe('abc')
  })

  it('hold for who asks before sending', async () => {
    const { port } = await start({ bodyBytesMax: 10 })
    const { socket, received } = await dial(port)
    socket.write(post('Content-Length: 11\r\nExpect: 100-continue\r\n'))
    await expect.poll(received).toContain('HTTP/1.1 413 ')
    expect(received()).not.toContain('100 Continue')
    const other = await dial(port)
    other.socket.write(post('Content-Length: 2\r\nExpect: 100-continue\r\n'))
    await expect.poll(other.received).toContain('100 Continue')
    other.socket.write('ab')
    await expect.poll(other.received).toContain('HTTP/1.1 202 ')
  })

  it('on headers: their bytes and their number', async () => {
    const { port, hub } = await start()
    const large = await send(port, `GET /health HTTP/1.1\r\nHost: x\r\nA: ${'x'.repeat(9000)}\r\n\r\n`)
    expect(large).toMatch(/^HTTP\/1\.1 431 Request Header Fields Too Large\r\n/)
    expect(large).toContain('{"error":{"code":"too-large","message":"header has more than 8192 bytes"}}')
    expect(refused(hub, 'header-bytes')).toBe(1)
    const fields = (count: number) => Array.from({ length: count }, (_, index) => `a${index}: 1\r\n`).join('')
    const many = await send(port, `GET /health HTTP/1.1\r\nHost: x\r\nConnection: close\r\n${fields(63)}\r\n`)
    expect(many).toContain('HTTP/1.1 431 ')
    expect(refused(hub, 'headers')).toBe(1)
    const enough = await send(port, `GET /health HTTP/1.1\r\nHost: x\r\nConnection: close\r\n${fields(62)}\r\n`)
    expect(enough).toContain('HTTP/1.1 200 ')
  })

  it.each([
    ['a header', 'GET /health HTTP/1.1\r\nHost: x\r\nA: '],
    ['a body', post('Content-Length: 10\r\n', 'x')],
  ])('on time: %s that never ends', async (_what, text) => {
    const { port, hub } = await start({ requestTimeoutMs: 100 })
    const answer = await send(port, text)
    expect(answer).toMatch(/^HTTP\/1\.1 408 Request Timeout\r\n/)
    expect(answer).toContain('{"error":{"code":"timeout","message":"request was not complete after 100 ms"}}')
    expect(refused(hub, 'request-timeout')).toBe(1)
    expect(hub.faults).toEqual([])
  })

  it('on connections, in all and by address', async () => {
    const all = await start({ connectionsMax: 1 })
    await dial(all.port)
    await expect.poll(async () => (await dial(all.port)).ended).toBeTruthy()
    expect(refused(all.hub, 'connections')).toBe(1)
    const byAddress = await start({ connectionsPerAddressMax: 2 })
    const first = await dial(byAddress.port)
    await dial(byAddress.port)
    await (await dial(byAddress.port)).ended
    expect(refused(byAddress.hub, 'connections-per-address')).toBe(1)
    first.socket.destroy()
    await expect
      .poll(async () => (await ask(byAddress.port, 'GET', '/health').catch(() => undefined))?.status)
      .toBe(200)
  })

  it('on requests of one connection that wait for their answer', async () => {
    const { port, hub } = await start({ requestsPerConnectionMax: 3 })
    const commit = gate()
    hub.beforeCommit = () => commit.opened
    const { socket, received, ended } = await dial(port)
    socket.write(post('Content-Length: 1\r\n', 'x').repeat(3))
    await expect.poll(() => hub.messages.length).toBe(3)
    commit.open()
    await expect.poll(() => received().split('HTTP/1.1 202').length).toBe(4)
    hub.beforeCommit = () => gate().opened
    socket.write(post('Content-Length: 1\r\n', 'x').repeat(4))
    await ended
    expect(refused(hub, 'pipelining')).toBe(1)
  })
})

describe('stopping', () => {
  it('lets what is under way finish, ends waits, and says farewell', async () => {
    const { port, hub, listener } = await start()
    const agent = new Agent({ keepAlive: true })
    const commit = gate()
    hub.beforeCommit = () => commit.opened
    const publishing = ask(port, 'POST', '/channels/a/messages', { body: Buffer.from('x'), agent })
    const waiting = ask(port, 'GET', '/channels/b/messages?wait=30', { agent })
    await expect.poll(() => hub.messages.length).toBe(1)
    await expect.poll(() => hub.opened.length).toBe(1)
    const stopped = listener.stop()
    const ended = await waiting
    expect([ended.status, ended.headers.connection, JSON.parse(ended.text).error.code]).toEqual([
      503,
      'close',
      'unavailable',
    ])
    await expect(ask(port, 'GET', '/health')).rejects.toMatchObject({ code: 'ECONNREFUSED' })
    commit.open()
    expect((await publishing).status).toBe(202)
    await stopped
    expect(hub.opened.map(({ closedAs }) => closedAs)).toEqual(['farewell'])
    agent.destroy()
  })

  it('waits for nobody who has connected and asked nothing', async () => {
    const { port, hub, listener } = await start({ stopTimeoutMs: 60_000 })
    const { ended } = await dial(port)
    const { socket, received, ended: answered } = await dial(port)
    socket.write(post('Content-Length: 1\r\n', 'x'))
    await expect.poll(() => hub.messages.length).toBe(1)
    await listener.stop()
    await Promise.all([ended, answered])
    expect(received()).toMatch(/^HTTP\/1.1 202 /)
  })

  it('cuts what does not finish in time', async () => {
    const { port, hub, listener } = await start({ stopTimeoutMs: 50 })
    hub.beforeCommit = () => gate().opened
    const { socket, ended } = await dial(port)
    socket.write(post('Content-Length: 1\r\n', 'x'))
    await expect.poll(() => hub.messages.length).toBe(1)
    await listener.stop()
    await ended
  })

  it('a caller who goes away ends his wait', async () => {
    const { port, hub } = await start()
    const { socket } = await dial(port)
    socket.write(`GET /channels/a/messages?wait=30 HTTP/1.1\r\nHost: x\r\nAuthorization: ${asThing}\r\n\r\n`)
    await expect.poll(() => hub.opened.length).toBe(1)
    socket.destroy()
    await expect.poll(() => hub.counters.get('thingmesh_http_requests_total canceled')?.value).toBe(1)
    expect(hub.faults).toEqual([])
  })
})
