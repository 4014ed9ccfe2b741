import type { Credential } from '../../contracts/index.ts'

export interface MemoryConnectOptions {
  readonly credential: Credential
  /** Names a session that can be taken up again; without one the session ends with the connection. */
  readonly clientId?: string | undefined
  readonly cleanStart?: boolean | undefined
  readonly expiresInSeconds?: number | undefined
  /** Messages that wait to be read before the hub holds the rest back; 1,000 by default. */
  readonly queueMax?: number | undefined
  readonly windowMax?: number | undefined
}
