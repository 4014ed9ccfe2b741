import { ThingmeshError } from '@thingmesh/core'
import type { Authenticate } from '../contracts/index.ts'
import { refusal } from './refusal.ts'

/**
 * Asks one after the other until one knows the credential, and takes its word, be it yes or no. Throws
 * `unauthenticated` where nobody knows it, `unsupported` for a method of challenge and response that nobody knows: an
 * empty list lets nobody in.
 */
export function authenticateAll(authenticators: readonly Authenticate[]): Authenticate {
  return async (credential, peer) => {
    for (const authenticate of authenticators) {
      const principal = await authenticate(credential, peer)
      if (principal !== undefined) return principal
    }
    if (credential.kind !== 'challenge') throw refusal()
    throw new ThingmeshError('unsupported', 'no such authentication method is on offer')
  }
}
