import type { IncomingMessage } from 'node:http'
import type { Duplex } from 'node:stream'
import type { ThingmeshError } from '@thingmesh/core'
import type { Credential, Peer } from './authenticate.ts'
import type { ListenerContext } from './listener.ts'

/** What an HTTP listener hands connections to whose client asks to go on with something else (RFC 9110, section 7.8). For one listener. */
export interface Upgrade {
  /** `door` tells the listener from others, in metrics: `127.0.0.1:8080`. */
  start(context: ListenerContext, door: string): void
  /** Ends what was taken over, within a second or two. Settles when it needs nothing of the hub any more. */
  stop(): void | Promise<void>
  /** Whether it is this that the request asks for. Any other request is answered as HTTP. */
  isMeantBy(request: IncomingMessage): boolean
  /**
   * Takes the connection over, on which `head` was read ahead; or returns why not, and the listener answers. The request is within
   * the listener's limits.
   */
  accept(request: IncomingMessage, socket: Duplex, head: Buffer, caller: Caller): ThingmeshError | undefined
}

/** Who asks. */
export interface Caller {
  readonly peer: Peer
  /**
   * What the text of an `Authorization` header shows, in the schemes that the listener knows; without one, what the connection itself
   * does. Throws `unauthenticated`.
   */
  credentialOf(authorization: string | undefined): Credential
}
