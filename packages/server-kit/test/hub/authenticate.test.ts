import { expect, it, vi } from 'vitest'
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

  await expect(connect('a secret')).rejects.toMatchObject({ code: 'internal' })
  expect(onFault).toHaveBeenCalledTimes(2)
  expect(onFault).toHaveBeenLastCalledWith(fault, { part: 'authenticate' })
})
