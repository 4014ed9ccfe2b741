import { expect, it, onTestFinished } from 'vitest'
import { type Fetch, httpTransport, type SubscribeRequest } from '../../src/client/index.ts'
import { encodeUtf8 } from '../../src/codec/utf8.ts'

/** A hub whose event streams say one thing, and break behind it. */
function breaksBehind(text: string): Fetch {
  return async (_url, { headers }) => {
    const isStream = headers.accept === 'text/event-stream'
    const reads = [{ done: false, value: encodeUtf8(text) }]
    const broken = () => Promise.reject(new TypeError('terminated'))
    return {
      status: 200,
      headers: { get: () => null },
      text: async () => JSON.stringify(isStream ? '' : { messages: [], next: '0', complete: true }),
      body: { getReader: () => ({ read: async () => reads.shift() ?? (await broken()), cancel: broken }) },
    }
  }
}

it('tells that nothing is left of a right also where the connection breaks behind the last word', async () => {
  const error = { code: 'permission-denied', message: 'no read right on any topic that matches' }
  const fetch = breaksBehind(`event: error\ndata: ${JSON.stringify({ error })}\n\n`)
  const connection = await httpTransport('http://hub.test', { key: 'any', fetch }).open(new AbortController().signal)
  onTestFinished(() => connection.close(true))
  const refused = new Promise<unknown>((onRefused, reject) => {
    const request: SubscribeRequest = {
      filter: 'telemetry/#',
      again: false,
      onMessage: async () => undefined,
      onRefused,
    }
    connection.subscribe(request).catch(reject)
  })
  expect(await refused).toMatchObject(error)
})
