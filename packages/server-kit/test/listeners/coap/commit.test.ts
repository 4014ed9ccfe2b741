import { Code } from '@thingmesh/core/coap'
import { expect, it, vi } from 'vitest'
import { gatedStore } from '../../support/gated-store.ts'
import { startSite } from './fixture.ts'
import { textOf } from './peer.ts'

const post = { code: Code.post, path: '/c/telemetry', payload: 'x', messageId: 5, token: Uint8Array.of(5) }

it('2.04 leaves after the message is stored: until then the request is acknowledged and not answered', async () => {
  const store = gatedStore()
  const site = await startSite({ store, listener: { piggybackMs: 50 } })
  const peer = await site.peer(await site.thing('sensor'))
  store.hold()
  peer.tell(post)
  const acknowledgement = await peer.take()
  expect(acknowledgement).toMatchObject({ type: 'acknowledgement', code: Code.empty, messageId: 5 })
  // Who asks again has the same, and changes nothing.
  peer.tell(post)
  expect(await peer.take()).toEqual(acknowledgement)
  expect(store.appended()).toBe(0)
  store.release()
  const response = await peer.take()
  expect(response).toMatchObject({ type: 'confirmable', code: Code.changed, token: post.token })
  expect(store.appended()).toBe(1)
  peer.acknowledge(response)
  peer.tell(post)
  expect(await peer.take()).toEqual(acknowledgement)
  expect(store.appended()).toBe(1)
})

it('what the store cannot write is refused with 5.03, and may be sent again', async () => {
  const store = gatedStore()
  const site = await startSite({ store })
  const peer = await site.peer(await site.thing('sensor'))
  store.failNext()
  const refused = await peer.ask({ code: Code.post, path: '/c/telemetry', payload: 'x' })
  expect(refused.code).toBe(Code.serviceUnavailable)
  expect(textOf(refused)).not.toContain('disk')
  expect(await peer.codeOf({ code: Code.post, path: '/c/telemetry', payload: 'x' })).toBe('2.04')
  expect(store.appended()).toBe(1)
})

it('a stop answers what is under way, and nothing after it', async () => {
  const store = gatedStore()
  const site = await startSite({ store })
  const peer = await site.peer(await site.thing('sensor'))
  store.hold()
  peer.tell(post)
  await vi.waitFor(() => expect(store.held).toBe(1))
  const stopped = site.hub.stop()
  store.release()
  expect((await peer.take(({ code }) => code === Code.changed)).messageId).toBe(5)
  await stopped
  expect(site.faults).toEqual([])
})
