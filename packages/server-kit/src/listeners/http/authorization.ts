import { ThingmeshError } from '@thingmesh/core'
import type { Credential, PeerCertificate } from '../../contracts/index.ts'

/** RFC 9110, section 11.2. */
const token68 = /^[A-Za-z0-9\-._~+/]+=*$/

/** Strict: `fatal`, because two different identities must not become one by replacement characters. */
const utf8 = new TextDecoder('utf-8', { fatal: true, ignoreBOM: true })

/**
 * Reads the `Authorization` header: `Thing <key>`, `Bearer <token>` or `Basic <base64 of thing:key>` (RFC 7617).
 * Where there is none, the client certificate stands for it. Throws `unauthenticated`, without a word of what was found.
 */
export function parseAuthorization(header: string | null, certificate?: PeerCertificate): Credential {
  if (header === null || header === '') {
    if (certificate === undefined) throw refused('no authorization header')
    return { kind: 'certificate', certificate }
  }
  const space = header.indexOf(' ')
  const scheme = (space === -1 ? header : header.slice(0, space)).toLowerCase()
  const value = space === -1 ? '' : header.slice(space + 1).trim()
  if (!token68.test(value)) throw refused('malformed authorization header')
  if (scheme === 'thing') return { kind: 'key', secret: value }
  if (scheme === 'bearer') return { kind: 'token', token: value }
  if (scheme === 'basic') return parseBasic(value)
  throw refused('unknown authorization scheme, allowed are thing, bearer and basic')
}

function parseBasic(value: string): Credential {
  let text: string
  try {
    text = utf8.decode(Buffer.from(value, 'base64'))
  } catch {
    throw refused('malformed basic credentials')
  }
  const colon = text.indexOf(':')
  const secret = text.slice(colon + 1)
  if (colon === -1 || secret === '') throw refused('basic credentials lack the key')
  return colon === 0 ? { kind: 'key', secret } : { kind: 'key', identity: text.slice(0, colon), secret }
}

function refused(message: string): ThingmeshError {
  return new ThingmeshError('unauthenticated', message)
}
