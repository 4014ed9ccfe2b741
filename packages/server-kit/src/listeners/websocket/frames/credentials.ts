import { type Principal, ThingmeshError } from '@thingmesh/core'
import type { Credential, WebSocketOpening } from '../../../contracts/index.ts'
import type { Asked } from './target.ts'

/** Offered beside the subprotocol that is to be spoken, by who cannot set a header: the rest is what `Authorization` would say. */
const offerPrefix = 'thingmesh.authorization.'

export interface Shown {
  readonly credential: Credential
  /** It stood in an address, which is written into logs. */
  readonly inAddress: boolean
}

/**
 * What the client shows: the header, or where there is none a subprotocol that it offers, or a token in the query; without any of them what the
 * connection shows, a certificate. Throws `unauthenticated`.
 */
export function credentialShown(
  { authorization, offered, credentialOf }: WebSocketOpening,
  { token, takesBareKey }: Pick<Asked, 'token' | 'takesBareKey'>,
): Shown {
  if (authorization !== undefined) {
    const isBare = takesBareKey && authorization !== '' && !authorization.includes(' ')
    return { credential: credentialOf(isBare ? `Thing ${authorization}` : authorization), inAddress: false }
  }
  const offer = offered.find(name => name.startsWith(offerPrefix))
  if (offer !== undefined) return { credential: credentialOf(decodeOffer(offer)), inAddress: false }
  if (token !== undefined) return { credential: credentialOf(`Bearer ${token}`), inAddress: true }
  return { credential: credentialOf(undefined), inAddress: false }
}

/** Whoever finds it in a log shall find it expired. Throws `unauthenticated`. */
export function checkShortLived({ expiresAtMs }: Principal, secondsMax: number): void {
  if (expiresAtMs !== undefined && expiresAtMs <= Date.now() + secondsMax * 1000) return
  throw new ThingmeshError('unauthenticated', `a token in a query must expire within ${secondsMax} s`)
}

function decodeOffer(offer: string): string {
  const text = offer.slice(offerPrefix.length)
  if (!/^[A-Za-z0-9_-]+$/.test(text)) {
    throw new ThingmeshError('unauthenticated', 'the authorization that is offered is no base64url')
  }
  return Buffer.from(text, 'base64url').toString('latin1')
}
