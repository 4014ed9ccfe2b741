import { isThingmeshError, type Principal } from '@thingmesh/core'
import type { Authenticate, ChallengeCredential } from '../../src/contracts/index.ts'
import { peer } from '../control/fixture.ts'

export interface ExchangeOptions {
  readonly method: string
  readonly data?: Uint8Array | string
  readonly identity?: string
  readonly clientId?: string
}

export interface ExchangeResult {
  readonly principal: Principal | undefined
  /** Everything that a peer could see of a refusal. */
  readonly refusal: object | undefined
  readonly conclusion: string | undefined
  readonly claimed: readonly string[]
  readonly challenges: readonly Uint8Array[]
}

const toBytes = (data: Uint8Array | string) => (typeof data === 'string' ? new TextEncoder().encode(data) : data)

/** One exchange without a network. Throws what is not a `ThingmeshError`. */
export async function exchange(
  authenticate: Authenticate,
  { data = '', clientId = 'client', ...rest }: ExchangeOptions,
  answer: (challenge: Uint8Array) => Uint8Array | string,
): Promise<ExchangeResult> {
  const challenges: Uint8Array[] = []
  const claimed: string[] = []
  let conclusion: string | undefined
  const credential: ChallengeCredential = {
    kind: 'challenge',
    clientId,
    data: toBytes(data),
    ...rest,
    async ask(challenge) {
      challenges.push(challenge)
      return toBytes(answer(challenge))
    },
    claim: identity => void claimed.push(identity),
    conclude: said => {
      conclusion = new TextDecoder().decode(said)
    },
  }
  try {
    const principal = await authenticate(credential, peer)
    return { principal, refusal: undefined, conclusion, claimed, challenges }
  } catch (error) {
    if (!isThingmeshError(error)) throw error
    const { code, message, details, cause, retryAfterSeconds } = error
    const refusal = { code, message, details, cause, retryAfterSeconds }
    return { principal: undefined, refusal, conclusion, claimed, challenges }
  }
}

/** What every refusal looks like. */
export const refused = {
  code: 'unauthenticated',
  message: 'the credential is not valid',
  details: {},
  cause: undefined,
  retryAfterSeconds: undefined,
}
