import type { Session } from '../../contracts/index.ts'

/** The use of a session by one request. */
export interface Lease {
  readonly session: Session
  /** Stands for credential and address; tells nothing of either. */
  readonly key: string
  /** False when it is over, and may be asked for no more. */
  readonly isCurrent: boolean
  /** Once, when the request is answered. */
  release(): void
}
