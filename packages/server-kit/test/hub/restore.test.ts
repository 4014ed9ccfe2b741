import { once } from 'node:events'
import { cp, mkdtemp, rm } from 'node:fs/promises'
import { request } from 'node:http'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { DatabaseSync } from 'node:sqlite'
import { httpTransport, openClient } from '@thingmesh/core'
import { describe, expect, it, onTestFinished } from 'vitest'
import { httpListener } from '../../src/listeners/http/index.ts'
import { sqliteStore } from '../../src/store/sqlite/index.ts'
import { startHub, type TestHub } from '../support/hub.ts'

interface Logged {
  readonly id: string
  readonly cursor: string
  readonly payload: string
}

const quick = { backoff: { firstMs: 5, maxMs: 50 } }
const invalid = expect.objectContaining({ code: 'invalid-argument' })

/** The data of a hub, and what was kept of them. */
class Data {
  readonly #directory: string

  constructor(directory: string) {
    this.#directory = directory
  }

  get path(): string {
    return join(this.#directory, 'data', 'hub.db')
  }

  async keep(name: string): Promise<void> {
    await cp(join(this.#directory, 'data'), join(this.#directory, name), { recursive: true })
  }

  async putBack(name: string): Promise<void> {
    await rm(join(this.#directory, 'data'), { recursive: true })
    await cp(join(this.#directory, name), join(this.#directory, 'data'), { recursive: true })
  }
}

async function newData(): Promise<Data> {
  const directory = await mkdtemp(join(tmpdir(), 'thingmesh-restore-'))
  onTestFinished(() => rm(directory, { recursive: true, force: true }))
  return new Data(directory)
}

/** One life of a hub with a door for HTTP, on whatever data there are. */
async function live(data: Data, port = 0): Promise<Site> {
  const door = httpListener({ port, stopTimeoutMs: 200 })
  const store = sqliteStore({ path: data.path, durability: 'process' })
  return new Site(await startHub({ store, listeners: [door] }), door.address!.port)
}

class Site {
  readonly test: TestHub
  readonly port: number
  readonly base: string
  readonly url: string

  constructor(test: TestHub, port: number) {
    this.test = test
    this.port = port
    this.base = `http://127.0.0.1:${port}`
    this.url = `${this.base}/channels/telemetry/messages`
  }

  stop(): Promise<void> {
    return this.test.hub.stop()
  }

  get(key: string, query: string, headers: Record<string, string> = {}): Promise<Response> {
    return fetch(`${this.url}${query}`, { headers: { authorization: `Thing ${key}`, ...headers } })
  }

  /** The ids that it was answered, in order. */
  async publish(key: string, payloads: readonly string[], draftKey?: string): Promise<string[]> {
    const ids: string[] = []
    for (const body of payloads) {
      const headers = { authorization: `Thing ${key}`, 'content-type': 'text/plain' }
      const keyed = draftKey === undefined ? headers : { ...headers, 'idempotency-key': draftKey }
      const answer = await fetch(`${this.url}/n`, { method: 'POST', headers: keyed, body })
      expect(answer.status).toBe(202)
      ids.push(((await answer.json()) as { id: string }).id)
    }
    return ids
  }

  async read(key: string, after: string): Promise<{ readonly messages: readonly Logged[]; readonly next: string }> {
    const answer = await this.get(key, `?after=${after}`)
    expect(answer.status, after).toBe(200)
    return (await answer.json()) as { messages: Logged[]; next: string }
  }

  /** So many events behind the one of that id: their ids and payloads. */
  async events(key: string, lastEventId: string, count: number): Promise<readonly (readonly [string, string])[]> {
    const headers = { authorization: `Thing ${key}`, accept: 'text/event-stream', 'last-event-id': lastEventId }
    const asked = request(this.url, { headers }).end()
    try {
      const [incoming] = await once(asked, 'response')
      expect(incoming.statusCode, lastEventId).toBe(200)
      let text = ''
      for await (const chunk of incoming.setEncoding('utf8')) {
        text += chunk
        const events = [...text.matchAll(/^id: (.*)\ndata: (.*)\n/gm)]
        if (events.length < count) continue
        return events.map(([, id, data]) => [id!, (JSON.parse(data!) as Logged).payload])
      }
      throw new Error('the stream ended')
    } finally {
      asked.destroy()
    }
  }

  async history(key: string, after: string): Promise<string[]> {
    await using client = await openClient(httpTransport(this.base, { key }))
    const payloads: string[] = []
    for await (const { payload } of client.channel('telemetry').history({ after })) payloads.push(String(payload))
    return payloads
  }
}

describe('a log that is put back from a copy', () => {
  it('gives no id a second time, and takes no cursor of what it has lost for one of its own', async () => {
    const data = await newData()
    let site = await live(data)
    const key = await site.test.thing('sensor')
    const ids = await site.publish(key, ['1', '2', '3'])
    const kept = await site.read(key, '0')
    await site.stop()
    await data.keep('backup')

    site = await live(data)
    ids.push(...(await site.publish(key, ['lost 1', 'lost 2', 'lost 3', 'lost 4'])))
    const lost = await site.read(key, kept.next)
    expect(lost.messages.map(({ payload }) => payload)).toEqual(['lost 1', 'lost 2', 'lost 3', 'lost 4'])
    const [[eventId] = []] = await site.events(key, kept.next, 4)
    await site.stop()

    await data.putBack('backup')
    site = await live(data)
    // Further than what was lost had come.
    const after = ['4', '5', '6', '7', '8', '9']
    ids.push(...(await site.publish(key, after)))
    expect(new Set(ids).size).toBe(ids.length)
    expect((await site.read(key, '0')).messages.map(({ id }) => id)).toEqual([...ids.slice(0, 3), ...ids.slice(7)])

    for (const cursor of [...lost.messages.map(({ cursor }) => cursor), lost.next, eventId!]) {
      expect((await site.get(key, `?after=${cursor}`)).status, cursor).toBe(400)
      expect((await site.get(key, `?before=${cursor}&last=1`)).status, cursor).toBe(400)
      const events = { accept: 'text/event-stream', 'last-event-id': cursor }
      expect((await site.get(key, '', events)).status, cursor).toBe(400)
      await expect(site.history(key, cursor), cursor).rejects.toEqual(invalid)
    }
    const all = ['1', '2', '3', ...after]
    for (const [i, { cursor }] of kept.messages.entries()) {
      const rest = all.slice(i + 1)
      expect((await site.read(key, cursor)).messages.map(({ payload }) => payload)).toEqual(rest)
      expect((await site.events(key, cursor, rest.length)).map(([, payload]) => payload)).toEqual(rest)
      expect(await site.history(key, cursor)).toEqual(rest)
    }
  })

  it('gives no id a second time when the copy is of a hub that was running, put back twice over', async () => {
    const data = await newData()
    let site = await live(data)
    const key = await site.test.thing('sensor')
    const ids = await site.publish(key, ['1', '2'])
    // As a snapshot of the disk has it: the file and its log of what is not in it yet, as they are at one moment.
    await data.keep('snapshot')
    ids.push(...(await site.publish(key, ['lost 1', 'lost 2'])))
    const { next } = await site.read(key, '0')
    await site.stop()
    for (const again of ['3', '4']) {
      await data.putBack('snapshot')
      site = await live(data)
      ids.push(...(await site.publish(key, [again])))
      // Who has read further than the copy goes misses nothing of what comes now, and is told none of it twice.
      expect(await site.history(key, next)).toEqual([again])
      await site.stop()
    }
    expect(new Set(ids).size).toBe(ids.length)
  })
})

describe('who subscribes over HTTP', () => {
  it('is told of a gap when the log was put back from a copy, and goes on', async () => {
    const data = await newData()
    let site = await live(data)
    const key = await site.test.thing('sensor')
    await site.publish(key, ['1'])
    await site.stop()
    await data.keep('backup')
    site = await live(data)
    await using client = await openClient(httpTransport(site.base, { key }), quick)
    const subscription = client.channel('telemetry').subscribe()
    const heard = subscription[Symbol.asyncIterator]()
    await subscription.confirmed
    await site.publish(key, ['lost'])
    expect((await heard.next()).value).toMatchObject({ payload: 'lost' })
    const gap = new Promise(resolve => client.on('gapOpened', resolve))
    await site.stop()
    await data.putBack('backup')
    site = await live(data, site.port)
    expect(await gap).toEqual({ filter: 'telemetry/#' })
    await site.publish(key, ['2'])
    expect((await heard.next()).value).toMatchObject({ payload: '2' })
  })
})

describe('a restart of the hub', () => {
  it('is none to who subscribes over HTTP: nothing is missed, nothing comes twice, no gap is told', async () => {
    const data = await newData()
    let site = await live(data)
    const key = await site.test.thing('sensor')
    await using client = await openClient(httpTransport(site.base, { key }), quick)
    const gaps: string[] = []
    client.on('gapOpened', ({ filter }) => gaps.push(filter))
    const subscription = client.channel('telemetry').subscribe()
    await subscription.confirmed
    const heard: string[] = []
    const all = Array.from({ length: 5 }, (_, i) => `${i}`)
    const reading = (async () => {
      for await (const { payload } of subscription) if (heard.push(String(payload)) === all.length) return
    })()
    for (const payload of all) {
      await site.publish(key, [payload])
      await site.stop()
      site = await live(data, site.port)
    }
    await reading
    expect([heard, gaps]).toEqual([all, []])
  })

  it('keeps what a key was used for, also when it was in a life that is forgotten', async () => {
    const data = await newData()
    let site = await live(data)
    const key = await site.test.thing('sensor')
    const [first] = await site.publish(key, ['1'], 'key 1')
    await site.stop()
    site = await live(data)
    const [second] = await site.publish(key, ['2'], 'key 2')
    const cursors = (await site.read(key, '0')).messages.map(({ cursor }) => cursor)
    expect(await site.publish(key, ['1 again'], 'key 1')).toEqual([first])
    await site.stop()
    const db = new DatabaseSync(data.path)
    db.exec('DELETE FROM epoch WHERE first = 0')
    db.close()
    site = await live(data)
    // That it was stored is known, and under which id not: none that would be another one.
    expect(await site.publish(key, ['1 again'], 'key 1')).toEqual([''])
    expect(await site.publish(key, ['2 again'], 'key 2')).toEqual([second])
    const { messages } = await site.read(key, '0')
    expect(messages.map(({ id, payload }) => [id, payload])).toEqual([
      [first, '1'],
      [second, '2'],
    ])
    expect((await site.get(key, `?after=${cursors[0]}`)).status).toBe(400)
    expect((await site.read(key, messages[0]!.cursor)).messages.map(({ payload }) => payload)).toEqual(['2'])
    expect((await site.read(key, cursors[1]!)).messages).toEqual([])
  })
})
