import { createHmac, randomBytes, timingSafeEqual } from 'node:crypto'
import { ThingmeshError } from '@thingmesh/core'
import type { Authenticate } from '@thingmesh/server-kit/contracts'

const decoy = randomBytes(32)
const grants = [{ actions: ['publish'], filter: 'telemetry/#' }] as const

/** Devices show that they know their secret, by a HMAC over random bytes. `secretOf` looks into a table of yours. */
export function hmacAuthenticator(secretOf: (device: string) => Uint8Array | undefined): Authenticate {
  return async credential => {
    if (credential.kind !== 'challenge' || credential.method !== 'EXAMPLE-HMAC-SHA-256') return undefined
    const device = credential.identity ?? ''
    const secret = secretOf(device)
    const nonce = randomBytes(32)
    const answer = await credential.ask(nonce)
    const expected = createHmac('sha256', secret ?? decoy) // the same work, whether or not there is such a device
      .update(nonce)
      .digest()
    const fits = answer.length === expected.length && timingSafeEqual(answer, expected)
    if (secret === undefined || !fits) throw new ThingmeshError('unauthenticated', 'the credential is not valid')
    return { id: `user:plant-${device}`, kind: 'user', domain: 'default', grants }
  }
}
