import { connect as connectTcp } from 'node:net'
import { describe, expect, it, onTestFinished, vi } from 'vitest'
import { type HttpListenerOptions, httpListener } from '../../../src/listeners/http/index.ts'
import { bytes, startHub } from '../../support/hub.ts'

interface Event {
  readonly id: string
  readonly payload: unknown
  readonly publisher: string
}

/** What a browser makes of a stream: events, and the id that it would come back with. */
class EventReader {
  readonly events: Event[] = []
  lastEventId = ''
  #text = ''

  push(text: string): void {
    this.#text += text
    for (;;) {
      const end = this.#text.indexOf('\n\n')
      if (end === -1) return
      this.#take(this.#text.slice(0, end))
      this.#text = this.#text.slice(end + 2)
    }
  }

  #take(block: string): void {
    let data = ''
    for (const line of block.split('\n')) {
      if (line.startsWith('id: ')) this.lastEventId = line.slice(4)
      if (line.startsWith('data: ')) data += line.slice(6)
    }
    if (data === '') return
    const { payload, publisher } = JSON.parse(data)
    this.events.push({ id: this.lastEventId, payload, publisher })
  }
}

async function startSite(options: HttpListenerOptions = {}) {
  const door = httpListener({ port: 0, ...options })
  const test = await startHub({ listeners: [door] })
  const secret = await test.thing('sensor')
  const url = `http://127.0.0.1:${door.address!.port}`
  const device = await test.connect(secret)

  /** Settles when the stream has begun. */
  async function open(path: string, headers: Record<string, string> = { authorization: `Thing ${secret}` }) {
    const leaving = new AbortController()
    onTestFinished(() => leaving.abort())
    const response = await fetch(`${url}${path}`, {
      headers: { accept: 'text/event-stream', ...headers },
      signal: leaving.signal,
    })
    const reader = new EventReader()
    const ended = (async () => {
      if (response.status !== 200) return
      try {
        for await (const chunk of response.body!.pipeThrough(new TextDecoderStream())) reader.push(chunk)
      } catch {
        // Left, or cut.
      }
    })()
    return { response, reader, ended, leave: () => leaving.abort() }
  }
  return { ...test, url, port: door.address!.port, secret, device, open }
}

const payloads = ({ events }: EventReader) => events.map(({ payload }) => payload)
/** Of the events, in the log: what a cursor ends with. */
const positionOf = (cursor: string) => Number(cursor.split('.')[1])
const positions = ({ events }: EventReader) => events.map(({ id }) => positionOf(id))
const numbers = (from: number, to: number) => Array.from({ length: to - from + 1 }, (_, i) => String(from + i))

describe('an event stream', () => {
  it('brings what is published from now on, whatever its delivery, with the cursor as id', async () => {
    const { device, open } = await startSite()
    await device.publish('telemetry/a', bytes('before'))
    const { response, reader } = await open('/channels/telemetry/messages/%23')
    expect(response.headers.get('content-type')).toBe('text/event-stream')
    await device.publish('telemetry/a', bytes('1'))
    await device.publish('telemetry/b/c', bytes('2'), { delivery: 'at-most-once' })
    await device.publish('telemetry', bytes('3'))
    await vi.waitFor(() => expect(payloads(reader)).toEqual(['1', '2', '3']))
    expect(positions(reader)).toEqual([...positions(reader)].sort((a, b) => a - b))
    expect(reader.events[0]!.publisher).toMatch(/^thing:/)
  })

  it('brings only what the filter and the rights are for', async () => {
    const { hub, thing, connect, open } = await startSite()
    await hub.control.channels.create({ name: 'other' })
    const narrow = await thing('narrow', [])
    await hub.control.grants.create({ thing: 'narrow', channel: 'telemetry', actions: ['read'], pattern: 'mine/#' })
    await hub.control.grants.create({ thing: 'sensor', channel: 'other', actions: ['publish'] })
    const writer = await connect(await thing('writer'))
    const { reader } = await open('/channels/+/messages/%23', { authorization: `Thing ${narrow}` })
    await writer.publish('telemetry/theirs', bytes('no'))
    await writer.publish('telemetry/mine/x', bytes('yes'))
    await vi.waitFor(() => expect(payloads(reader)).toEqual(['yes']))
  })

  it('goes on after a break without a gap or a repeat, however often it breaks', async () => {
    const { device, open, secret } = await startSite()
    const count = 400
    const seen: unknown[] = []
    let lastEventId = ''
    const publishing = (async () => {
      for (let i = 1; i <= count; i++) await device.publish('telemetry/n', bytes(String(i)))
    })()
    const first = await open('/channels/telemetry/messages?after=0')
    await vi.waitFor(() => expect(first.reader.events.length).toBeGreaterThan(0))
    let stream = first
    for (;;) {
      await vi.waitFor(() => expect(stream.reader.events.length).toBeGreaterThan(0))
      stream.leave()
      await stream.ended
      seen.push(...payloads(stream.reader))
      lastEventId = stream.reader.lastEventId
      if (seen.length >= count) break
      stream = await open('/channels/telemetry/messages?after=0', {
        authorization: `Thing ${secret}`,
        'last-event-id': lastEventId,
      })
    }
    await publishing
    expect(seen).toEqual(numbers(1, count))
  })

  it('begins with the newest where it is asked to', async () => {
    const { device, open } = await startSite()
    for (const n of numbers(1, 5)) await device.publish('telemetry/n', bytes(n))
    const { reader } = await open('/channels/telemetry/messages?last=2')
    const nothing = await open('/channels/telemetry/messages/elsewhere?last=2')
    await device.publish('telemetry/n', bytes('6'))
    await device.publish('telemetry/elsewhere', bytes('7'))
    await vi.waitFor(() => expect(payloads(reader)).toEqual(['4', '5', '6', '7']))
    await vi.waitFor(() => expect(payloads(nothing.reader)).toEqual(['7']))
  })

  it('begins with no more than it is asked to, however much that it may not read lies between', async () => {
    const { hub, thing, device, open } = await startSite()
    const narrow = await thing('narrow', [])
    await hub.control.grants.create({ thing: 'narrow', channel: 'telemetry', actions: ['read'], pattern: 'mine/#' })
    for (const n of numbers(1, 3)) await device.publish('telemetry/mine/x', bytes(n))
    await Promise.all(numbers(1, 4_500).map(n => device.publish('telemetry/theirs', bytes(n))))
    const { reader } = await open('/channels/telemetry/messages?last=1', { authorization: `Thing ${narrow}` })
    await device.publish('telemetry/mine/x', bytes('4'))
    await vi.waitFor(() => expect(payloads(reader)).toContain('4'))
    expect(payloads(reader)).toEqual(['3', '4'])
  })

  it('shows that it lives, and moves on past what is not for it', async () => {
    const { device, open } = await startSite({ heartbeatMs: 20 })
    const { reader } = await open('/channels/telemetry/messages/none')
    await vi.waitFor(() => expect(reader.lastEventId).not.toBe(''))
    const before = positionOf(reader.lastEventId)
    await device.publish('telemetry/some', bytes('x'))
    // Only what may match wakes it; another stream from there on shows that nothing was passed over.
    await device.publish('telemetry/none', bytes('y'))
    await vi.waitFor(() => expect(payloads(reader)).toEqual(['y']))
    expect(positionOf(reader.lastEventId)).toBeGreaterThan(before)
  })

  it.each([
    ['/channels/nowhere/messages', 403],
    ['/channels/telemetry/messages?limit=3', 400],
    ['/channels/telemetry/messages?wait=3', 400],
    ['/channels/telemetry/messages?retained=true', 400],
    ['/channels/telemetry/messages/a%2Fb', 400],
  ])('is refused before it begins: %s', async (path, status) => {
    const { open } = await startSite()
    const { response } = await open(path)
    expect(response.status).toBe(status)
    expect(await response.json()).toMatchObject({
      error: { code: status === 403 ? 'permission-denied' : 'invalid-argument' },
    })
  })

  it('takes no id that is no cursor', async () => {
    const { open, secret } = await startSite()
    const headers = { authorization: `Thing ${secret}`, 'last-event-id': '7; drop' }
    expect((await open('/channels/telemetry/messages', headers)).response.status).toBe(400)
  })

  it('takes no after that is no cursor, though an id counts more; one of another log is only old', async () => {
    const site = await startSite()
    const { reader, response } = await site.open('/channels/telemetry/messages?after=0')
    expect(response.status).toBe(200)
    await site.device.publish('telemetry/a', bytes('1'))
    await vi.waitFor(() => expect(reader.lastEventId).not.toBe(''))
    const headers = { authorization: `Thing ${site.secret}`, 'last-event-id': reader.lastEventId }
    for (const [after, status] of [
      ['rubbish', 400],
      ['7', 400],
      ['0', 200],
      ['000000000000.1', 200],
    ] as const) {
      const { response } = await site.open(`/channels/telemetry/messages?after=${after}`, headers)
      expect(response.status, after).toBe(status)
    }
  })

  it('answers HEAD and is over', async () => {
    const { url, secret, counter } = await startSite()
    const headers = { accept: 'text/event-stream', authorization: `Thing ${secret}` }
    const response = await fetch(`${url}/channels/telemetry/messages`, { method: 'HEAD', headers })
    expect([response.status, await response.text()]).toEqual([200, ''])
    await vi.waitFor(() => expect(counter('thingmesh_http_streams')).toBe(0))
  })
})

describe('a token in the query', () => {
  const newToken = async (site: Awaited<ReturnType<typeof startSite>>, expiresInSeconds?: number) => {
    const scope = { channels: ['telemetry'] }
    return (await site.hub.control.tokens.create({ name: 'dashboard', scope, expiresInSeconds })).secret
  }

  it('opens a stream while it is short-lived', async () => {
    const site = await startSite()
    const token = await newToken(site, 600)
    const { response, reader } = await site.open(`/channels/telemetry/messages?token=${token}`, {})
    expect(response.status).toBe(200)
    await site.device.publish('telemetry/a', bytes('1'))
    await vi.waitFor(() => expect(payloads(reader)).toEqual(['1']))
  })

  it('is refused when it lives long, is a key, or is for anything but a stream', async () => {
    const site = await startSite({ queryTokenSecondsMax: 600 })
    const refused = async (token: string, headers: Record<string, string> = {}) =>
      (await site.open(`/channels/telemetry/messages?token=${token}`, headers)).response.status
    expect(await refused(await newToken(site, 700))).toBe(401)
    expect(await refused(await newToken(site))).toBe(401)
    expect(await refused(site.secret)).toBe(401)
    expect(await refused('nonsense')).toBe(401)
    const short = await newToken(site, 60)
    expect(await refused(short, { accept: 'application/json' })).toBe(401)
    expect(await refused(short, { accept: 'application/json', authorization: `Bearer ${short}` })).toBe(400)
  })
})

describe('the end of a stream', () => {
  it('comes with the credential that opened it', async () => {
    const { hub, open, device } = await startSite()
    const { reader, ended } = await open('/channels/telemetry/messages')
    await device.publish('telemetry', bytes('1'))
    await vi.waitFor(() => expect(reader.events.length).toBe(1))
    await hub.control.things.remove('sensor')
    await ended
    expect(reader.events.length).toBe(1)
  })

  it('comes with the hub’s, at once', async () => {
    const { hub, open } = await startSite({ stopTimeoutMs: 60_000 })
    const { ended } = await open('/channels/telemetry/messages')
    await hub.stop()
    await ended
  })

  it('frees its place', async () => {
    const { open, counter } = await startSite({ streamsMax: 2 })
    const streams = [await open('/channels/telemetry/messages'), await open('/channels/telemetry/messages')]
    const { response } = await open('/channels/telemetry/messages')
    expect(response.status).toBe(503)
    expect(response.headers.get('retry-after')).toBe('5')
    expect(counter('thingmesh_http_refused_total', { limit: 'streams' })).toBe(1)
    streams[0]!.leave()
    await vi.waitFor(() => expect(counter('thingmesh_http_streams')).toBe(1))
    expect((await open('/channels/telemetry/messages')).response.status).toBe(200)
  })

  it('comes to a reader that does not read, and others notice nothing', async () => {
    const { device, open, port, secret, counter } = await startSite({ idleTimeoutMs: 300, heartbeatMs: 100 })
    const deaf = connectTcp(port, '127.0.0.1')
    onTestFinished(() => void deaf.destroy())
    deaf.on('error', () => undefined)
    deaf.pause()
    deaf.write(
      `GET /channels/telemetry/messages HTTP/1.1\r\nhost: hub\r\naccept: text/event-stream\r\nauthorization: Thing ${secret}\r\n\r\n`,
    )
    const { reader } = await open('/channels/telemetry/messages')
    await vi.waitFor(() => expect(counter('thingmesh_http_streams')).toBe(2))
    const large = new Uint8Array(200_000)
    // More than the system takes for a socket.
    for (let i = 1; i <= 100; i++) await device.publish('telemetry/large', large)
    await vi.waitFor(() => expect(reader.events.length).toBe(100), 10_000)
    await vi.waitFor(() => expect(counter('thingmesh_http_streams')).toBe(1), 10_000)
  })
})
