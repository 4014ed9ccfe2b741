import { ThingmeshError, toThingmeshError } from '@thingmesh/core'
import type { Authenticate } from '../contracts/index.ts'
import { StandingFault } from '../contracts/standing-fault.ts'

/** What an authenticator throws that is no refusal is told here: the peer, and so its door, learns of it as `internal` and no more. */
export function reportFaults(authenticate: Authenticate, onFault: (error: ThingmeshError) => void): Authenticate {
  const fault = new StandingFault(cause => new ThingmeshError('internal', 'an authenticator threw', { cause }), onFault)
  return async (credential, peer) => {
    try {
      return await authenticate(credential, peer)
    } catch (thrown) {
      throw toThingmeshError(thrown).code === 'internal' ? fault.of(thrown) : thrown
    }
  }
}
