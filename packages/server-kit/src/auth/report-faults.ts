import { ThingmeshError, toThingmeshError } from '@thingmesh/core'
import type { Authenticate } from '../contracts/index.ts'

/** What an authenticator throws that is no refusal is told here, as it happens: the peer, and so its door, learns of it as `internal` and no more. */
export function reportFaults(authenticate: Authenticate, onFault: (error: ThingmeshError) => void): Authenticate {
  return async (credential, peer) => {
    try {
      return await authenticate(credential, peer)
    } catch (thrown) {
      const { code } = toThingmeshError(thrown)
      if (code !== 'internal') throw thrown
      const fault = new ThingmeshError(code, 'an authenticator threw', { cause: thrown })
      onFault(fault)
      throw fault
    }
  }
}
