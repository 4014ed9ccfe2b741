import type { CoapCounters } from './counters.ts'
import type { EchoValues } from './echo.ts'
import type { CoapLimits } from './options.ts'
import type { Remote } from './remote.ts'
import type { Answer, Request } from './response.ts'
import type { Wire } from './wire.ts'

export interface EngineContext {
  readonly limits: CoapLimits
  readonly counters: CoapCounters
  readonly wire: Wire
  readonly echo: EchoValues
  /** Answers a request. Neither throws nor rejects. */
  readonly answer: (request: Request, remote: Remote) => Answer
  /** Bytes to write a datagram into, which nobody else has. */
  readonly allocate: (bytes: number) => Uint8Array
  /** Nothing is known of the endpoint any more. */
  readonly onForgotten: (remote: Remote) => void
  /** Monotonic milliseconds. */
  readonly nowMs: () => number
  /** Evenly from 0 to 1. */
  readonly random: () => number
}
