import { type Principal, parseChannelName } from '@thingmesh/core'
import type { Authenticate } from '../contracts/index.ts'
import { checkOptions } from '../contracts/options.ts'

export interface OpenAuthenticatorOptions {
  /** The one channel that everybody has all rights on. */
  readonly channel: string
  /** `default` by default. */
  readonly domain?: string | undefined
  /** The doors that are open; `['mqtt']` by default. */
  readonly protocols?: readonly string[] | undefined
}

/**
 * Lets in whoever comes: with nothing, or with any user name and password that no authenticator before this one knows.
 * All of them are one principal, whose sessions are told apart by client id, and which may publish to, subscribe to and
 * read everything below one channel and nothing else. For trying things out, benches and conformance suites, on a
 * loopback address.
 *
 * Throws `invalid-argument` where the channel's name is none.
 */
export function openAuthenticator(options: OpenAuthenticatorOptions): Authenticate {
  const { channel, domain = 'default', protocols = ['mqtt'] } = options
  checkOptions('openAuthenticator', options, { channel, domain, protocols })
  const filter = `${parseChannelName(channel)}/+/#`
  const everybody: Principal = {
    id: 'user:everybody',
    kind: 'user',
    domain,
    grants: [{ actions: ['publish', 'subscribe', 'read'], filter }],
  }
  return async (_credential, { protocol }) =>
    protocol !== undefined && protocols.includes(protocol) ? everybody : undefined
}
