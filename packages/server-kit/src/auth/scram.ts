import { createHash, createHmac, randomBytes, timingSafeEqual } from 'node:crypto'
import type { Authenticate, CredentialDirectory, ScramAccount, ScramVerifier } from '../contracts/index.ts'
import { thingPrincipal } from './principals.ts'
import { refusal } from './refusal.ts'
import { parseClientFinal, parseClientFirst } from './scram-messages.ts'

export const scramMethod = 'SCRAM-SHA-256'

const nonceBytes = 24
/** As many as a thing may have: whoever has fewer, or is nobody, costs the same. */
const comparisonsMin = 2
const hashBytes = 32

/**
 * Proves things by SCRAM-SHA-256 (RFC 5802, RFC 7677): the user is the thing, the password is its key, which does not
 * cross the network, and the thing is shown in turn that the hub knows it. Channel binding is not offered.
 *
 * Everything that is wrong is refused alike, and as late as a wrong proof would be, except what is no SCRAM at all.
 */
export function scramAuthenticator(
  credentials: CredentialDirectory,
  makeNonce: () => string = () => randomBytes(nonceBytes).toString('base64url'),
): Authenticate {
  const decoy: Decoy = { storedKey: randomBytes(hashBytes), serverKey: randomBytes(hashBytes) }
  return async credential => {
    if (credential.kind !== 'challenge' || credential.method !== scramMethod) return undefined
    const first = parseClientFirst(credential.data)
    if (first === undefined) throw refusal()
    credential.claim?.(first.name)
    const account = credentials.scramOf(first.name)
    const nonce = first.nonce + makeNonce()
    const serverFirst = `r=${nonce},s=${Buffer.from(account.salt).toString('base64')},i=${account.iterations}`
    const final = parseClientFinal(await credential.ask(Buffer.from(serverFirst)))
    if (final === undefined) throw refusal()
    const authMessage = `${first.bare},${serverFirst},${final.withoutProof}`
    const proved = findVerifier(account, authMessage, final.proof, decoy)
    const isSameExchange = final.nonce === nonce && final.binding === first.header
    if (proved === undefined || !isSameExchange) throw refusal()
    credential.conclude(Buffer.from(`v=${hmac(proved.serverKey, authMessage).toString('base64')}`))
    return thingPrincipal(proved.thing, proved.key, proved.domainName)
  }
}

type Decoy = Pick<ScramVerifier, 'storedKey' | 'serverKey'>

/** The one that the proof was made with: RFC 5802, section 3. All are tried, also when one fits. */
function findVerifier(
  { verifiers }: ScramAccount,
  authMessage: string,
  proof: Uint8Array,
  decoy: Decoy,
): ScramVerifier | undefined {
  let proved: ScramVerifier | undefined
  for (let i = 0; i < Math.max(verifiers.length, comparisonsMin); i++) {
    const verifier = verifiers[i]
    const { storedKey } = verifier ?? decoy
    const clientKey = hmac(storedKey, authMessage).map((byte, at) => byte ^ proof[at]!)
    const fits = timingSafeEqual(createHash('sha256').update(clientKey).digest(), storedKey)
    if (fits && verifier !== undefined) proved = verifier
  }
  return proved
}

function hmac(key: Uint8Array, text: string): Buffer {
  return createHmac('sha256', key).update(text).digest()
}
