import type { Peer } from '../../contracts/index.ts'
import type { Recognized } from './recognized.ts'
import type { Response } from './response.ts'

/**
 * What became of a message that was to be acknowledged. `reset`: the peer does not know what it is about. `timeout`: it
 * was sent as often as it may be.
 */
export type Outcome = 'acknowledged' | 'reset' | 'timeout'

/** One endpoint at the other side, over whatever transport: what resources and observers know of it. */
export interface Remote {
  /** Tells endpoints apart. */
  readonly key: string
  readonly peer: Peer
  /** Whether it was shown that the peer hears what is sent there. Always over a connection. */
  readonly isProved: boolean
  /** Nothing that is sent there is lost without a word: every message waits for the one before it to be taken. */
  readonly isReliable: boolean
  /** The largest blocks that it takes; `undefined` where it takes any there are. */
  readonly sizeExponentMax?: number | undefined
  /** By a monotonic clock. */
  readonly heardAtMs: number
  /** What it asked lately, the last first: for the recognition alone. */
  lately: readonly Recognized[]
  /** It was shown. */
  prove(): void
  /** Sends a response that nobody waits for. `onOutcome` comes once where it is confirmable; otherwise only for a reset. */
  notify(token: Uint8Array, response: Response, confirmable: boolean, onOutcome: (outcome: Outcome) => void): void
  /** Asks whether the peer is there (RFC 7252, section 4.3). One that is proves its address by it. One ping at a time. */
  ping(onOutcome?: (outcome: Outcome) => void): void
}
