import { describe, expect } from 'vitest'
import { type HubProcess, startHub } from './support/hub.ts'
import { itWith } from './support/peers.ts'
import { createChannel, createThing, type LoggedMessage, type Thing } from './support/provision.ts'
import { openSite } from './support/site.ts'

const count = 10

describe('ten lives of a hub, every other one ended by kill -9', () => {
  itWith([])('are one log: every cursor goes on, and every key is answered with its first id', async () => {
    const site = await openSite()
    const hub = await startHub(site)
    await createChannel(hub, 'telemetry')
    const meter = await createThing(hub, 'meter', ['telemetry'])
    const ids: string[] = []
    const cursors: string[] = [(await read(hub, meter, '0')).next]
    for (let life = 0; life < count; life++) {
      // At-most-once ones are numbered, too, and told before they are stored.
      await publish(hub, meter, `at most ${life}`, '?qos=0')
      ids.push((await publish(hub, meter, `at least ${life}`, '', `key ${life}`))!)
      cursors.push((await read(hub, meter, cursors.at(-1)!)).next)
      for (const [i, id] of ids.entries()) {
        expect(await publish(hub, meter, 'said again', '', `key ${i}`), `key ${i} in life ${life}`).toBe(id)
      }
      if (life % 2 === 0) await hub.kill()
      else await hub.stop()
      await hub.start()
      // Nobody has said anything in this life, and whoever asks is told where the log ends.
      cursors.push((await read(hub, meter, cursors.at(-1)!)).next)
      if (life % 3 === 0) {
        await hub.kill()
        await hub.start()
      }
    }
    const log = (await read(hub, meter, '0')).messages
    const acked = log.filter(({ payload }) => String(payload).startsWith('at least'))
    expect(acked.map(({ id }) => id)).toEqual(ids)
    expect(new Set(ids.map(id => id.split('.')[1])).size).toBe(count)
    for (const [i, cursor] of cursors.entries()) {
      // The first was taken before everything, then two after what was said in each life.
      const last = acked[Math.ceil(i / 2) - 1]
      const rest = log.slice(last === undefined ? 0 : log.indexOf(last) + 1)
      expect((await read(hub, meter, cursor)).messages, `after cursor ${i}`).toEqual(rest)
    }
    for (const [i, { cursor }] of log.entries()) {
      expect((await read(hub, meter, cursor)).messages, `after message ${i}`).toEqual(log.slice(i + 1))
    }
  })
})

interface Page {
  readonly messages: readonly LoggedMessage[]
  readonly next: string
}

async function read(hub: HubProcess, thing: Thing, after: string): Promise<Page> {
  const answer = await ask(hub, thing, `?after=${after}&limit=1000`)
  expect(answer.status, after).toBe(200)
  return (await answer.json()) as Page
}

/** The id, where it is acknowledged. */
async function publish(hub: HubProcess, thing: Thing, body: string, query: string, key?: string) {
  const headers = { 'content-type': 'text/plain', ...(key !== undefined && { 'idempotency-key': key }) }
  const answer = await ask(hub, thing, `/n${query}`, { method: 'POST', headers, body })
  expect(answer.status).toBe(202)
  return ((await answer.json()) as { readonly id?: string }).id
}

function ask(hub: HubProcess, { secret }: Thing, path: string, init: RequestInit = {}): Promise<Response> {
  return fetch(`${hub.url}/channels/telemetry/messages${path}`, {
    ...init,
    headers: { ...(init.headers as Record<string, string>), authorization: `Thing ${secret}` },
    signal: AbortSignal.timeout(20_000),
  })
}
