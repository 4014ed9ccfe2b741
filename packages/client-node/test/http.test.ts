import { createServer } from 'node:http'
import type { AddressInfo } from 'node:net'
import { connectHttp, createAdmin, isThingmeshError } from '@thingmesh/client-node'
import { describe, expect, it } from 'vitest'

describe('the client on Node', () => {
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
