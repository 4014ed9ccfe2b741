import { type ThingmeshError, toThingmeshError } from '../errors/index.ts'
import { type Backoff, backoffMs, resolveBackoff } from './backoff.ts'
import { pause } from './deadline.ts'
import type { ReceivedMessage, ReceivedPage } from './messages.ts'
import { resolveOptions } from './option-rules.ts'
import { type CancelSignal, platform } from './platform.ts'

export interface FollowOptions {
  /** The cursor to go on after. Absent: from now on. `''`: from the beginning of the log. */
  readonly after?: string | undefined
  /** Ends the loop, without an error. */
  readonly signal?: CancelSignal | undefined
  /** How long the hub may hold back an answer while there is nothing new; 1 to 30, whole, 25 by default. */
  readonly waitSeconds?: number | undefined
  readonly backoff?: Backoff | undefined
  /** Told of each failure that will be tried again, and of when. */
  readonly onRetry?: ((error: ThingmeshError, delayMs: number) => void) | undefined
}

/** What following needs of the client. */
export interface FollowSource {
  readonly closed: CancelSignal
  /** A page after the cursor, held back up to `waitSeconds` where nothing is there yet. */
  poll(after: string, waitSeconds: number): Promise<ReceivedPage>
  /** Where the log ends now. */
  end(): Promise<string>
}

/**
 * Messages as they come, one long poll after the other. The position is the cursor of what has been handed out, so that
 * a broken connection loses and repeats nothing. Goes on after what is `retryable`; throws what is not.
 */
export async function* followMessages(
  source: FollowSource,
  options: FollowOptions,
): AsyncGenerator<ReceivedMessage, void, undefined> {
  const { waitSeconds } = resolveOptions(options, { waitSeconds: [25, 0, 30] })
  const stops = [options.signal, source.closed]
  const stopped = (): boolean => stops.some(signal => signal?.aborted === true)
  let after = options.after
  let failures = 0
  const backoff = resolveBackoff(options.backoff)
  const rest = (retryAfterSeconds = 0): number => backoffMs(++failures, backoff, retryAfterSeconds)

  while (!stopped()) {
    let page: ReceivedPage
    const askedAt = platform().performance.now()
    try {
      after ??= await source.end()
      page = await source.poll(after, waitSeconds)
    } catch (thrown) {
      const error = toThingmeshError(thrown)
      if (stopped()) return
      if (!error.retryable) throw error
      const delayMs = rest(error.retryAfterSeconds)
      options.onRetry?.(error, delayMs)
      await pause(delayMs, stops)
      continue
    }
    for (const message of page.messages) {
      if (stopped()) return
      yield message
    }
    // A server that answers at once with nothing, where it was asked to wait, must not be asked in a tight loop.
    const idle = page.messages.length === 0 && (page.next === undefined || page.next === after)
    if (idle && waitSeconds > 0 && platform().performance.now() - askedAt < 100) await pause(rest(), stops)
    else failures = 0
    after = page.next ?? after
  }
}
