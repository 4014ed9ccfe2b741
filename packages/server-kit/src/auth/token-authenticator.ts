import { isThingmeshError, type Principal, ThingmeshError } from '@thingmesh/core'
import {
  createLocalJWKSet,
  createRemoteJWKSet,
  decodeJwt,
  errors,
  type JSONWebKeySet,
  type JWTPayload,
  type JWTVerifyGetKey,
  jwtVerify,
} from 'jose'
import type { Authenticate, Credential } from '../contracts/index.ts'
import { checkOptions } from '../contracts/options.ts'
import { refusal } from './refusal.ts'

export interface TokenAuthenticatorOptions {
  /**
   * The issuer's public keys: where to fetch them (`https:`, or `http:` on a loopback address), or the keys themselves.
   * Either this or `secret`.
   */
  readonly jwks?: string | URL | JSONWebKeySet | undefined
  /** Shared with the issuer, 32 bytes at least; text counts as UTF-8. */
  readonly secret?: Uint8Array | string | undefined
  /**
   * The `iss` that tokens must have. With it, a token that names another issuer is left to the next authenticator;
   * without it, every JWT is taken for one of this issuer's.
   */
  readonly issuer?: string | undefined
  /** The `aud` that tokens must have, or one of several. */
  readonly audience?: string | readonly string[] | undefined
  /** Narrows what is accepted: by default all asymmetric algorithms with `jwks`, HS256 and longer with `secret`. */
  readonly algorithms?: readonly string[] | undefined
  /** How far the issuer's clock and ours may differ; 30 by default. */
  readonly clockToleranceSeconds?: number | undefined
  /** Characters of a token; 16,384 by default. */
  readonly tokenLengthMax?: number | undefined
  /** Milliseconds since 1970. */
  readonly nowMs?: (() => number) | undefined
  /** Who the verified claims stand for; `undefined` refuses. */
  readonly toPrincipal: (claims: JWTPayload) => Principal | undefined
}

const asymmetric = [
  ...['RS256', 'RS384', 'RS512', 'PS256', 'PS384', 'PS512'],
  ...['ES256', 'ES384', 'ES512', 'EdDSA', 'Ed25519'],
]
/** RFC 7518, section 3.2: the key is at least as long as the hash. */
const secretBytesMin: Readonly<Record<string, number>> = { HS256: 32, HS384: 48, HS512: 64 }
const secretFloorBytes = 32
/** The header is a JSON object, so its base64url starts like this; the signature is empty where `alg` is `none`. */
const jwtForm = /^eyJ[A-Za-z0-9_-]*\.[A-Za-z0-9_-]*\.[A-Za-z0-9_-]*$/

/**
 * Proves JSON Web Tokens (RFC 7519) of an identity provider, under the rules of RFC 8725: an explicit list of
 * algorithms that fits the kind of key, and a token that ends. The session ends with it. A JWT in the place of a
 * thing's key, as MQTT's password, is taken too.
 *
 * Throws `TypeError` for options that do not go together. What it returns throws `unauthenticated`, and `unavailable`
 * where the issuer's keys cannot be fetched. Answers `undefined` for what is no JWT.
 */
export function tokenAuthenticator(options: TokenAuthenticatorOptions): Authenticate {
  checkOptions('tokenAuthenticator', options, {
    jwks: true,
    secret: true,
    issuer: true,
    audience: true,
    algorithms: true,
    clockToleranceSeconds: 30,
    tokenLengthMax: 16_384,
    nowMs: true,
    toPrincipal: true,
  })
  const { key, algorithms } = toVerification(options)
  const { issuer, audience, toPrincipal } = options
  const nowMs = options.nowMs ?? Date.now
  const tolerance = options.clockToleranceSeconds ?? 30
  const lengthMax = options.tokenLengthMax ?? 16_384

  const verify = async (token: string): Promise<JWTPayload> => {
    try {
      const { payload } = await jwtVerify(token, key, {
        algorithms,
        requiredClaims: ['exp'],
        clockTolerance: tolerance,
        currentDate: new Date(nowMs()),
        ...(issuer !== undefined && { issuer }),
        ...(audience !== undefined && { audience: typeof audience === 'string' ? audience : [...audience] }),
      })
      return payload
    } catch (error) {
      throw isThingmeshError(error) ? error : refusal()
    }
  }

  return async credential => {
    const token = bearer(credential)
    if (token === undefined || !token.startsWith('eyJ')) return undefined
    if (token.length > lengthMax) throw refusal()
    if (!jwtForm.test(token) || (issuer !== undefined && namesAnother(issuer, token))) return undefined
    const claims = await verify(token)
    const principal = toPrincipal(claims)
    if (principal === undefined) throw refusal()
    const endsAtMs = (claims.exp! + tolerance) * 1000
    return { ...principal, expiresAtMs: Math.min(principal.expiresAtMs ?? endsAtMs, endsAtMs) }
  }
}

function bearer(credential: Credential): string | undefined {
  switch (credential.kind) {
    case 'token':
      return credential.token
    case 'key':
      return credential.secret
    case 'certificate':
    case 'challenge':
    case 'anonymous':
      return undefined
  }
}

/** Looks at what is not verified yet, only to find out whose token it claims to be. */
function namesAnother(issuer: string, token: string): boolean {
  try {
    return decodeJwt(token).iss !== issuer
  } catch {
    return true
  }
}

function toVerification(options: TokenAuthenticatorOptions): {
  readonly key: Uint8Array | JWTVerifyGetKey
  readonly algorithms: string[]
} {
  const { jwks, secret } = options
  if (jwks !== undefined && secret === undefined) {
    return { key: toKeySet(jwks), algorithms: toAlgorithms(options.algorithms, asymmetric) }
  }
  if (jwks !== undefined || secret === undefined) throw new TypeError('tokenAuthenticator: give either jwks or secret')
  const key = typeof secret === 'string' ? new TextEncoder().encode(secret) : Uint8Array.from(secret)
  if (key.length < secretFloorBytes) {
    throw new TypeError(`tokenAuthenticator: the secret has ${key.length} bytes, it needs ${secretFloorBytes} at least`)
  }
  const fitting = Object.keys(secretBytesMin).filter(name => secretBytesMin[name]! <= key.length)
  return { key, algorithms: toAlgorithms(options.algorithms, fitting) }
}

function toAlgorithms(wanted: readonly string[] | undefined, possible: readonly string[]): string[] {
  if (wanted === undefined) return [...possible]
  const impossible = wanted.find(name => !possible.includes(name))
  if (wanted.length === 0 || impossible !== undefined) {
    throw new TypeError(
      `tokenAuthenticator: algorithms are among ${possible.join(', ')}, found ${impossible ?? 'none'}`,
    )
  }
  return [...wanted]
}

function toKeySet(jwks: string | URL | JSONWebKeySet): JWTVerifyGetKey {
  if (typeof jwks !== 'string' && !(jwks instanceof URL)) {
    try {
      return createLocalJWKSet(jwks)
    } catch (cause) {
      throw new TypeError('tokenAuthenticator: jwks is no JSON Web Key Set', { cause })
    }
  }
  const url = new URL(jwks)
  const loopback = ['localhost', '127.0.0.1', '[::1]'].includes(url.hostname)
  if (url.protocol !== 'https:' && !(url.protocol === 'http:' && loopback)) {
    throw new TypeError(`tokenAuthenticator: keys are fetched by https, found ${url.protocol}`)
  }
  const remote = createRemoteJWKSet(url)
  return async (header, token) => {
    try {
      return await remote(header, token)
    } catch (error) {
      // These say something about the token; all else says that we could not look.
      const ofToken =
        error instanceof errors.JWKSNoMatchingKey ||
        error instanceof errors.JWKSMultipleMatchingKeys ||
        error instanceof errors.JOSENotSupported
      if (ofToken) throw error
      throw new ThingmeshError('unavailable', 'the keys of the token issuer cannot be fetched', {
        cause: error,
        retryAfterSeconds: 5,
      })
    }
  }
}
