import { isThingmeshError, type Principal, ThingmeshError } from '@thingmesh/core'
import type { Authenticate, ChallengeCredential, Credential, Peer, RightsChange } from '../contracts/index.ts'
import type { Counters } from './counters.ts'

/** Slows down whoever guesses. */
export interface Throttle {
  /** Throws `rate-limited`. */
  check(address: string, identity: string | undefined): void
  failed(address: string, identity: string | undefined): void
  succeeded(address: string, identity: string | undefined): void
}

export type Revocation = Exclude<RightsChange, { readonly kind: 'changed' }>

/** Who a peer was found to be. */
export interface Proof {
  /** At the moment that it is used. Throws `unauthenticated` where it was revoked since the peer began to prove itself. */
  take(): Principal
}

/** What was revoked, in order. Who proves something holds on to where the list was, and so to no more than came after. */
interface Link {
  readonly revocation: Revocation | undefined
  next: Link | undefined
}

/** Where peers prove who they are. A proof may take its time, with questions and answers, and the registry changes meanwhile. */
export class Proofs {
  readonly #authenticate: Authenticate
  readonly #throttle: Throttle
  readonly #counters: Counters
  #latest: Link = { revocation: undefined, next: undefined }

  constructor(authenticate: Authenticate, throttle: Throttle, counters: Counters) {
    this.#authenticate = authenticate
    this.#throttle = throttle
    this.#counters = counters
  }

  async prove(credential: Credential, peer: Peer): Promise<Proof> {
    const since = this.#latest
    const principal = await this.#ask(credential, peer)
    return {
      take() {
        for (let link = since.next; link !== undefined; link = link.next) {
          if (concerns(link.revocation!, principal)) throw revokedMeanwhile()
        }
        return principal
      },
    }
  }

  revoked(revocation: Revocation): void {
    const link: Link = { revocation, next: undefined }
    this.#latest.next = link
    this.#latest = link
  }

  async #ask(credential: Credential, peer: Peer): Promise<Principal> {
    // Who may be anybody is counted apart from who is there.
    const attempt = new Attempt(this.#throttle, peer.unproved ? `unproved ${peer.address}` : peer.address)
    attempt.claim('identity' in credential ? credential.identity : undefined)
    try {
      const shown = credential.kind === 'challenge' ? watched(credential, attempt) : credential
      const principal = await this.#authenticate(shown, peer)
      if (principal === undefined)
        throw new ThingmeshError('unauthenticated', 'the credential is of no kind that this hub knows')
      attempt.succeeded()
      return principal
    } catch (error) {
      if (isThingmeshError(error) && error.code === 'unauthenticated') {
        attempt.failed()
        this.#counters.refused.authentication.value += 1
      }
      throw error
    }
  }
}

/** One peer's attempt, as it is counted. */
class Attempt {
  readonly #throttle: Throttle
  readonly #address: string
  #identity: string | undefined

  constructor(throttle: Throttle, address: string) {
    this.#throttle = throttle
    this.#address = address
  }

  claim(identity: string | undefined): void {
    this.#identity = identity
    this.check()
  }

  check(): void {
    this.#throttle.check(this.#address, this.#identity)
  }

  failed(): void {
    this.#throttle.failed(this.#address, this.#identity)
  }

  succeeded(): void {
    this.#throttle.succeeded(this.#address, this.#identity)
  }
}

/** Who begins a thousand exchanges at once must not get a thousand guesses: each answer is looked at only if there is still leave to guess. */
function watched(credential: ChallengeCredential, attempt: Attempt): ChallengeCredential {
  return {
    ...credential,
    claim: identity => attempt.claim(identity),
    async ask(challenge) {
      const answer = await credential.ask(challenge)
      attempt.check()
      return answer
    },
  }
}

/** Whether whoever was proved by what was revoked may no longer be here. */
export function concerns(revocation: Revocation, principal: Principal): boolean {
  return revocation.kind === 'credential-revoked'
    ? principal.credentialId === revocation.credentialId
    : principal.domain === revocation.domain && principal.id === revocation.principal
}

function revokedMeanwhile(): ThingmeshError {
  return new ThingmeshError('unauthenticated', 'the credential is no longer valid')
}
