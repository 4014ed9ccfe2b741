import { createPublicKey, generateKeyPairSync, type KeyObject, randomBytes, verify } from 'node:crypto'
import type { Authenticate, CredentialDirectory } from '../contracts/index.ts'
import { thingPrincipal } from './principals.ts'
import { refusal } from './refusal.ts'

export const ed25519Method = 'THINGMESH-ED25519'

const nonceBytes = 32
/** As many as a thing may have: whoever has fewer, or is nobody, costs the same. */
const verificationsMin = 2

/**
 * Proves things by their registered public keys (Ed25519, RFC 8032). The peer says with CONNECT whom it claims to be
 * (MQTT user name) and no data; the hub sends its own id, with its length in two bytes before it, and 32 random bytes;
 * the peer answers with its signature of `ed25519Message`.
 *
 * A signature of one exchange is of no use in another, at another hub, or for another client id. `node:crypto` refuses
 * what RFC 8032 calls invalid, malleated and short signatures among it; keys of small order do not get into the
 * registry.
 */
export function ed25519Authenticator(credentials: CredentialDirectory, hubId: () => string): Authenticate {
  const decoy = generateKeyPairSync('ed25519').publicKey
  return async credential => {
    if (credential.kind !== 'challenge' || credential.method !== ed25519Method) return undefined
    const { identity = '', clientId, data } = credential
    const hub = hubId()
    const nonce = randomBytes(nonceBytes)
    const signature = await credential.ask(Buffer.concat([field(hub), nonce]))
    const message = ed25519Message({ hub, identity, clientId, nonce })
    const entries = credentials.publicKeysOf(identity)
    let proved: (typeof entries)[number] | undefined
    // To the end also when one fits.
    for (let i = 0; i < Math.max(entries.length, verificationsMin); i++) {
      const entry = entries[i]
      const fits = verify(null, message, entry === undefined ? decoy : toKeyObject(entry.publicKey), signature)
      if (fits && entry !== undefined) proved = entry
    }
    if (proved === undefined || data.length > 0) throw refusal()
    return thingPrincipal(proved.thing, proved.key, proved.domainName)
  }
}

/**
 * What is signed: the method's name, the hub's id, the MQTT user name, and the client id as CONNECT has it (which may be
 * empty), each in UTF-8 with its length in two bytes before it as in MQTT; then the 32 bytes of the challenge's end.
 */
export function ed25519Message(exchange: {
  readonly hub: string
  readonly identity: string
  readonly clientId: string
  readonly nonce: Uint8Array
}): Uint8Array {
  const { hub, identity, clientId, nonce } = exchange
  return Buffer.concat([...[ed25519Method, hub, identity, clientId].map(field), nonce])
}

function field(text: string): Uint8Array {
  const bytes = Buffer.from(text, 'utf8')
  return Buffer.concat([Uint8Array.of(bytes.length >> 8, bytes.length), bytes])
}

function toKeyObject(publicKey: Uint8Array): KeyObject {
  const x = Buffer.from(publicKey).toString('base64url')
  return createPublicKey({ key: { kty: 'OKP', crv: 'Ed25519', x }, format: 'jwk' })
}
