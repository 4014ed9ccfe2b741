import { once } from 'node:events'
import { mkdtemp, rm } from 'node:fs/promises'
import { type ClientRequest, request } from 'node:http'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { describe, expect, it, onTestFinished } from 'vitest'
import { sqliteStore } from '../../src/store/sqlite/index.ts'
import { type FramesSite, json, startFrames } from './websocket/frames/fixture.ts'

interface Site extends FramesSite {
  readonly key: string
  get(query: string, headers?: Record<string, string>): Promise<Response>
  /** For what does not end by itself: a connection of its own, gone with the test. */
  request(query: string, headers?: Record<string, string>): ClientRequest
}

interface LoggedPage {
  readonly messages: readonly { readonly cursor: string; readonly payload: unknown }[]
  readonly next: string
}

const path = 'telemetry/messages'
const events = { accept: 'text/event-stream' }

/** A hub with all the doors that know cursors, and so many messages in its log: 1, 2, 3, … */
async function startLog(count: number, options: Parameters<typeof startFrames>[0] = {}): Promise<Site> {
  const site = await startFrames(options)
  const key = await site.thing('sensor')
  const device = await site.connect(key)
  for (let i = 1; i <= count; i++) await device.publish('telemetry/n', `${i}`)
  return withKey(site, key)
}

function withKey(site: FramesSite, key: string): Site {
  const url = `http://127.0.0.1:${site.port}/channels/${path}`
  const authorization = `Thing ${key}`
  return {
    ...site,
    key,
    get: (query, headers) => fetch(`${url}${query}`, { headers: { authorization, ...headers } }),
    request(query, headers) {
      const asked = request(`${url}${query}`, { headers: { authorization, ...headers } }).end()
      onTestFinished(() => void asked.destroy())
      return asked
    },
  }
}

const pageOf = async (answer: Response) => (await answer.json()) as LoggedPage
const payloadsOf = async (answer: Response) => (await pageOf(answer)).messages.map(({ payload }) => payload)

/** The id of the first event. */
async function eventId(site: Site): Promise<string | undefined> {
  const [incoming] = await once(site.request('?after=0', events), 'response')
  for await (const chunk of incoming.setEncoding('utf8')) {
    const [, id] = /^id: (.*)$/m.exec(chunk) ?? []
    if (id !== undefined) return id
  }
  return undefined
}

/** Where the first message lies, as each door has it. */
async function firstCursors(site: Site): Promise<Record<string, unknown>> {
  const page = await pageOf(await site.get('?limit=1'))
  const lines = await site.get('?limit=1', { accept: 'application/x-ndjson' })
  await lines.text()
  const peer = await site.open(path, { key: site.key, ...json })
  await peer.ask({ type: 'subscribe', id: 1, after: '0' })
  const envelope = await peer.fields()
  const connection = await site.connect(site.key)
  return {
    'a message': page.messages[0]!.cursor,
    'a page’s end': page.next,
    'a header': lines.headers.get('thingmesh-next'),
    'an event': await eventId(site),
    'an envelope': envelope.cursor,
    'the process': (await connection.read({ filter: 'telemetry/#', limit: 1 })).next,
  }
}

describe('a cursor', () => {
  it('is the same on every door, says which log it is of, and is text that no query, header or shell bends', async () => {
    const site = await startLog(2)
    const cursors = Object.values(await firstCursors(site))
    expect(new Set(cursors).size).toBe(1)
    expect(cursors[0]).toMatch(/^[0-9a-f]{12}\.1$/)
    expect((await firstCursors(await startLog(1)))['a message']).not.toBe(cursors[0])
  })

  it('goes on after a restart of the hub on the same store', async () => {
    const directory = await mkdtemp(join(tmpdir(), 'thingmesh-cursor-'))
    onTestFinished(() => rm(directory, { recursive: true, force: true }))
    const store = () => sqliteStore({ path: join(directory, 'hub.db') })
    const first = await startLog(3, { store: store() })
    const { next } = await pageOf(await first.get('?limit=2'))
    await first.hub.stop()
    const again = withKey(await startFrames({ store: store() }), first.key)
    expect(await payloadsOf(await again.get(`?after=${next}`))).toEqual(['3'])
    await (await again.connect(first.key)).publish('telemetry/n', '4')
    const peer = await again.open(path, { key: first.key, ...json })
    await peer.ask({ type: 'subscribe', id: 1, after: next })
    expect([(await peer.fields()).payload, (await peer.fields()).payload]).toEqual(['3', '4'])
  })

  it('of 0 is the beginning of whatever log is asked', async () => {
    const site = await startLog(2)
    expect(await payloadsOf(await site.get('?after=0'))).toEqual(['1', '2'])
    expect(await payloadsOf(await site.get('?before=0'))).toEqual([])
    const plain = await site.open(`${path}?after=0`, { key: site.key })
    expect(await plain.texts(2)).toEqual(['1', '2'])
    const inProcess = await site.connect(site.key)
    expect((await inProcess.read({ filter: 'telemetry/#', after: '0' })).messages).toHaveLength(2)
  })
})

/** What each door says to it: the code and the words. */
const doors: Readonly<Record<string, (site: Site, cursor: string) => Promise<unknown>>> = {
  'a page after it': async (site, cursor) => refusalOf(await site.get(`?after=${cursor}`)),
  'a page before it': async (site, cursor) => refusalOf(await site.get(`?last=2&before=${cursor}`)),
  'a poll after it': async (site, cursor) => refusalOf(await site.get(`?wait=1&after=${cursor}`)),
  'an event stream after it': async (site, cursor) => refusalOf(await site.get(`?after=${cursor}`, events)),
  'a browser that comes back with it': async (site, cursor) =>
    refusalOf(await site.get('?last=1', { ...events, 'last-event-id': cursor })),
  'a WebSocket after it': async (site, cursor) => {
    const peer = await site.open(`${path}?after=${cursor}`, { key: site.key })
    const [closeCode, reason] = await peer.end
    expect([closeCode, peer.heard]).toEqual([4400, []])
    return ['invalid-argument', reason]
  },
  'a subscription in envelopes': async (site, cursor) => {
    const peer = await site.open(path, { key: site.key, ...json })
    const { type, id, code, message } = await peer.ask({ type: 'subscribe', id: 1, after: cursor })
    await peer.close()
    expect([type, id]).toEqual(['error', 1])
    return [code, message]
  },
  'the process, after it': async (site, cursor) => thrownBy(site, { after: cursor }),
  'the process, before it': async (site, cursor) => thrownBy(site, { before: cursor }),
}

async function refusalOf(answer: Response): Promise<unknown> {
  if (answer.status !== 400) {
    await answer.body?.cancel()
    return answer.status
  }
  const { error } = (await answer.json()) as { error: { code: string; message: string } }
  return [error.code, error.message]
}

async function thrownBy(site: Site, position: { after?: string; before?: string }): Promise<unknown> {
  await using connection = await site.connect(site.key)
  return await connection.read({ filter: 'telemetry/#', ...position }).then(
    ({ messages }) => messages,
    ({ code, message }) => [code, message],
  )
}

/** Every door's answer, by door. */
async function atEveryDoor(site: Site, cursor: string): Promise<Record<string, unknown>> {
  const answers: Record<string, unknown> = {}
  for (const [door, ask] of Object.entries(doors)) answers[door] = await ask(site, cursor)
  return answers
}

const everyDoorSays = (...answer: readonly string[]) =>
  Object.fromEntries(Object.keys(doors).map(door => [door, answer]))

describe('at every door a cursor is refused', () => {
  it('of another log, however far that had come', async () => {
    const [other, site] = [await startLog(2), await startLog(5)]
    const cursor = (await pageOf(await other.get('?limit=1'))).next
    const [own] = (await pageOf(await site.get('?limit=1'))).next.split('.')
    const words = `cursor ${cursor} is of another log, or of what this one has lost: those that it gives now begin with ${own}.`
    expect(await atEveryDoor(site, cursor)).toEqual(everyDoorSays('invalid-argument', words))
    await site.expectUndisturbed()
  })

  it('that is none', async () => {
    const site = await startLog(5)
    const [own] = (await pageOf(await site.get('?limit=1'))).next.split('.')
    const parts = [
      '2',
      '-1',
      `${own}`,
      `${own}.`,
      `.1`,
      `${own}.-1`,
      `${own}.01`,
      `${own}.1.1`,
      `${own}.9007199254740992`,
    ]
    for (const text of [...parts, `${own}.99999999999999999`, `${own!.slice(1)}.1`, 'x'.repeat(2_000)]) {
      const words = `found ${text.length} characters, a cursor is 0, or what a page or a message of this hub gave`
      expect([text, await atEveryDoor(site, text)]).toEqual([text, everyDoorSays('invalid-argument', words)])
    }
    await site.expectUndisturbed()
  })

  it('to go on after that lies beyond the end, as of what the log has lost', async () => {
    const site = await startLog(5)
    const { next } = await pageOf(await site.get(''))
    const beyond = next.replace('.5', '.4711')
    const { 'a page before it': page, 'the process, before it': inProcess, ...after } = doors
    const words = `cursor ${beyond} is beyond the end of the log, which is ${next}`
    for (const [door, ask] of Object.entries(after)) {
      expect([door, await ask(site, beyond)]).toEqual([door, ['invalid-argument', words]])
    }
    expect([await page!(site, beyond), await inProcess!(site, beyond)]).toEqual([200, expect.any(Array)])
    // The end itself is where to wait.
    expect((await once(site.request(`?after=${next}`, events), 'response'))[0].statusCode).toBe(200)
  })
})
