import { describe, expect, it } from 'vitest'
import { openAuthenticator } from '../../src/auth/index.ts'
import type { Credential } from '../../src/contracts/index.ts'

const credentials: readonly Credential[] = [
  { kind: 'anonymous' },
  { kind: 'key', secret: 'anything' },
  { kind: 'key', identity: 'anybody', secret: '' },
  { kind: 'token', token: 'anything' },
]

describe('openAuthenticator', () => {
  it('takes everybody at the MQTT door for one principal with one channel', async () => {
    const authenticate = openAuthenticator({ channel: 'open' })
    for (const credential of credentials) {
      expect(await authenticate(credential, { address: '127.0.0.1', protocol: 'mqtt' })).toEqual({
        id: 'user:everybody',
        kind: 'user',
        domain: 'default',
        grants: [{ actions: ['publish', 'subscribe', 'read'], filter: 'open/+/#' }],
      })
    }
  })

  it('knows nobody at other doors, nor where it is not told the door', async () => {
    const authenticate = openAuthenticator({ channel: 'open' })
    for (const credential of credentials) {
      expect(await authenticate(credential, { address: '127.0.0.1', protocol: 'http' })).toBe(undefined)
      expect(await authenticate(credential, { address: '127.0.0.1' })).toBe(undefined)
    }
    const other = openAuthenticator({ channel: 'open', domain: 'd1', protocols: ['coap'] })
    expect(await other({ kind: 'anonymous' }, { address: '', protocol: 'mqtt' })).toBe(undefined)
    expect(await other({ kind: 'anonymous' }, { address: '', protocol: 'coap' })).toMatchObject({ domain: 'd1' })
  })

  it('needs a channel that may be one', () => {
    for (const channel of ['', '#', '+', 'a/b', '$SYS']) {
      expect(() => openAuthenticator({ channel })).toThrow(expect.objectContaining({ code: 'invalid-argument' }))
    }
  })
})
