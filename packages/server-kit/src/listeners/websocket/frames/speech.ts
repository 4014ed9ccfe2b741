import type { Draft, Message, ThingmeshError } from '@thingmesh/core'
import type { DeliveryTerms, Session } from '../../../contracts/index.ts'
import type { Frame } from './format.ts'

/** What is said on a connection once its peer is known: payloads alone, or envelopes. */
export interface Speech {
  /** Throws what ends the connection. */
  begin(): Promise<void>
  /** Throws what ends the connection. */
  received(frame: Frame): void
  /** A live message as a frame. Asked once for all that speak the same, within one turn. */
  encode(message: Message, terms: DeliveryTerms): Frame
  /** What is said of subscriptions that have ended. Throws what ends the connection. */
  revoke(filters: readonly string[], reason: ThingmeshError): void
  /** What is said before the connection is closed for a reason. */
  lastWords(reason: ThingmeshError): Frame | undefined
}

/** What a speech does by its connection. */
export interface Line {
  readonly session: Session
  /** Aborted at the connection's end. */
  readonly ended: AbortSignal
  send(frame: Frame): void
  /** Settles when what waits for the peer is little enough to add to, and at the connection's end. */
  room(): Promise<void>
  /** Answers with the message's id when it is in the log, `undefined` for at-most-once; or with why not. */
  publish(draft: Draft, answer: (error: ThingmeshError | undefined, messageId: string | undefined) => void): void
  /** Ends the connection. */
  fail(error: unknown): void
}
