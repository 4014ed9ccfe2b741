import { ThingmeshError } from '@thingmesh/core'
import type { Authenticate } from '@thingmesh/server-kit/contracts'

const grants = [{ actions: ['publish', 'subscribe', 'read'], filter: 'telemetry/#' }] as const

/** Lets the users of your application in, by its own session tokens. `userOf` looks into a table of yours. */
export function sessionAuthenticator(userOf: (token: string) => Promise<string | undefined>): Authenticate {
  return async credential => {
    if (credential.kind !== 'token' && credential.kind !== 'key') return undefined
    const token = credential.kind === 'token' ? credential.token : credential.secret
    if (!token.startsWith('shop_')) return undefined // not one of ours: the next authenticator's
    const user = await userOf(token)
    if (user === undefined) throw new ThingmeshError('unauthenticated', 'the credential is not valid')
    return { id: `user:shop-${user}`, kind: 'user', domain: 'default', grants }
  }
}
