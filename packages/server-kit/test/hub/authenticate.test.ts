import { expect, it, onTestFinished, vi } from 'vitest'
import type { HubOptions } from '../../src/hub.ts'
import { httpListener } from '../../src/listeners/http/index.ts'
import { startHub } from '../support/hub.ts'

it('tells of an authenticator that throws, once and as what it is, and the peer nothing of it', async () => {
  const onFault = vi.fn<NonNullable<HubOptions['onFault']>>()
  const cause = new Error('db down')
  const http = httpListener({ port: 0 })
  const { connect } = await startHub({
    listeners: [http],
    authenticate: [() => Promise.reject(cause)],
    onFault,
  })
  const fault = expect.objectContaining({ code: 'internal', message: 'an authenticator threw', cause })
  const { host, port } = http.address!
  const answer = await fetch(`http://${host}:${port}/channels/telemetry/messages`, {
    headers: { authorization: 'Bearer somebody' },
  })
  expect([answer.status, await answer.json()]).toEqual([
    500,
    { error: { code: 'internal', message: 'internal error' } },
  ])
  expect(onFault.mock.calls).toEqual([[fault, { part: 'authenticate' }]])

  // Whoever comes within the minute is refused for the same, and nobody is told by the thousand.
  for (let i = 0; i < 20; i++) await expect(connect('a secret')).rejects.toMatchObject({ code: 'internal' })
  expect(onFault).toHaveBeenCalledTimes(1)
  vi.spyOn(performance, 'now').mockReturnValue(performance.now() + 60_000)
  onTestFinished(() => void vi.restoreAllMocks())
  await expect(connect('a secret')).rejects.toMatchObject({ code: 'internal' })
  expect(onFault.mock.calls.slice(1)).toEqual([[fault, { part: 'authenticate' }]])
})
