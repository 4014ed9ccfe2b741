import { createServer } from 'node:http'
import type { AddressInfo } from 'node:net'
import { connect, connectHttp, createAdmin, isThingmeshError } from '@thingmesh/client-node'
import { createHub } from '@thingmesh/server-kit'
import { httpListener } from '@thingmesh/server-kit/http'
import { memoryStore } from '@thingmesh/server-kit/memory-store'
import { describe, expect, it, onTestFinished } from 'vitest'
import { startProxy } from './support/proxy.ts'
import { quick, take } from './support/site.ts'

/** A hub that knows everybody, and remembers nothing of the one before it. */
async function startForgetful() {
  const door = httpListener({ port: 0, stopTimeoutMs: 200 })
  const everybody = {
    id: 'user:everybody',
    kind: 'user',
    domain: 'default',
    grants: [{ actions: ['publish', 'read'], filter: 'telemetry/#' }],
  } as const
  const hub = await createHub({ store: memoryStore(), listeners: [door], authenticate: [async () => everybody] })
  await hub.start()
  await hub.control.channels.create({ name: 'telemetry' })
  return { hub, port: door.address!.port }
}

/** A client that is subscribed by way of a proxy, to whichever hub `site.now` is. */
async function startSubscribed() {
  const site = { now: await startForgetful() }
  onTestFinished(() => site.now.hub.stop())
  const proxy = await startProxy(() => site.now.port)
  onTestFinished(() => proxy[Symbol.asyncDispose]())
  const client = await connect(`http://127.0.0.1:${proxy.port}`, { ...quick, key: 'any' })
  onTestFinished(() => client.close())
  const telemetry = client.channel('telemetry')
  const messages = telemetry.subscribe()
  await messages.confirmed
  return { site, proxy, client, telemetry, messages }
}

describe('the client on Node', () => {
  it('goes on where another log ends, and says that there may be a gap', async () => {
    const { site, client, telemetry, messages } = await startSubscribed()
    for (let i = 1; i <= 3; i++) await telemetry.publish(i)
    expect(await take(messages, 3)).toEqual([1, 2, 3])
    const gap = new Promise(resolve => client.on('gapOpened', resolve))
    await site.now.hub.stop()
    site.now = await startForgetful()
    expect(await gap).toEqual({ filter: 'telemetry/#' })
    await telemetry.publish(4)
    expect(await take(messages, 1)).toEqual([4])
  })

  it('does not take another log for its own where that has come further', async () => {
    const { site, proxy, client, telemetry, messages } = await startSubscribed()
    for (let i = 1; i <= 3; i++) await telemetry.publish(`first ${i}`)
    expect(await take(messages, 3)).toEqual(['first 1', 'first 2', 'first 3'])
    const { value: last } = await telemetry.history()[Symbol.asyncIterator]().next()
    const after = last!.cursor!
    const gap = new Promise(resolve => client.on('gapOpened', resolve))
    proxy.admit(false)
    await site.now.hub.stop()
    const next = await startForgetful()
    const direct = connectHttp(`http://127.0.0.1:${next.port}`, { key: 'any' })
    for (let i = 1; i <= 5; i++) await direct.publish('telemetry', `second ${i}`)
    site.now = next
    proxy.admit(true)
    const heard = take(messages, 1)
    expect(await Promise.race([gap, heard])).toEqual({ filter: 'telemetry/#' })
    await telemetry.publish('second 6')
    expect(await heard).toEqual(['second 6'])
    // Who names a position by himself is told.
    const refused = { code: 'invalid-argument', message: expect.stringContaining('is of another log') }
    await expect(telemetry.history({ after })[Symbol.asyncIterator]().next()).rejects.toMatchObject(refused)
    await expect(direct.follow('telemetry', { after }).next()).rejects.toMatchObject(refused)
  })

  it('publishes with the platform’s fetch, or with one that is typed as the platform types it', async () => {
    const server = createServer((incoming, outgoing) => {
      incoming.resume().on('end', () => {
        outgoing.writeHead(incoming.headers.authorization === 'Thing good' ? 202 : 401)
        outgoing.end('{"id":"h.e.1"}')
      })
    })
    await new Promise<void>(resolve => server.listen(0, '127.0.0.1', resolve))
    const url = `http://127.0.0.1:${(server.address() as AddressInfo).port}`
    try {
      expect(await connectHttp(url, { key: 'good' }).publish('a', 1)).toEqual({ id: 'h.e.1' })
      expect(await connectHttp(url, { key: 'good', fetch }).publish('a', 1)).toEqual({ id: 'h.e.1' })
      const signal = new AbortController().signal
      const refused = await connectHttp(url, { key: 'bad' })
        .publish('a', 1, { signal })
        .catch((error: unknown) => error)
      expect(isThingmeshError(refused) && refused.code).toBe('unauthenticated')
      const listed = await createAdmin(url, { token: 'bad' })
        .things.list()
        .next()
        .catch((error: unknown) => error)
      expect(isThingmeshError(listed) && listed.code).toBe('unauthenticated')
    } finally {
      server.closeAllConnections()
      server.close()
    }
  })
})
