import { Code } from '@thingmesh/core/coap'
import { expect, it } from 'vitest'
import { Recognition } from '../../../src/listeners/coap/recognition.ts'
import type { Remote } from '../../../src/listeners/coap/remote.ts'
import type { Request } from '../../../src/listeners/coap/response.ts'

it('keeps no key for longer than its session, also of who asks no more', () => {
  const recognition = new Recognition()
  const remote = { peer: { address: '::1' }, lately: [] } as unknown as Remote
  const request = { code: Code.post, optionBytes: Uint8Array.of(1, 2, 3) } as unknown as Request
  let isCurrent = true
  const lease = {
    session: {},
    key: '',
    release: () => undefined,
    get isCurrent() {
      return isCurrent
    },
  } as never
  const facts = { topic: 'a', isPattern: false, lease, accept: undefined, contentType: '', properties: undefined }
  recognition.note(recognition.wordingOf(request, remote)!, facts)
  recognition.tick()
  const known = recognition.find(request, remote)!
  expect(known.words).toEqual(Uint8Array.of(1, 2, 3))
  isCurrent = false
  recognition.tick()
  expect(known.words).toBeUndefined()
  expect(recognition.size).toBe(0)
  expect(recognition.find(request, remote)).toBeUndefined()
})
