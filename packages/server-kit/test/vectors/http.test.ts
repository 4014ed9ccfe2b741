import { expect, it } from 'vitest'
import { httpVectors } from './http-vectors.ts'
import { bytesOf, hexOf, startSite } from './site.ts'

it.each(httpVectors)('%s', async (_name, request, status, wanted) => {
  const site = await startSite()
  const line = await site.http()
  line.send(hexOf(Buffer.from(request)))
  let text = ''
  while (!text.includes('\r\n\r\n')) text += bytesOf(await line.next()).toString('latin1')
  expect(text.slice(0, 'HTTP/1.1 200'.length)).toBe(`HTTP/1.1 ${status}`)
  const length = /^content-length: (\d+)/im.exec(text)?.[1]
  const isStream = /^content-type: text\/event-stream/im.test(text)
  if (isStream) return expect(length).toBeUndefined()
  const body = length === undefined || length === '0' ? '' : bytesOf(await line.next(Number(length))).toString()
  expect(body).toMatch(wanted)
})
