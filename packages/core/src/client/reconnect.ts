import { type ErrorCode, ThingmeshError, toThingmeshError } from '../errors/index.ts'
import { type Backoff, backoffMs } from './backoff.ts'
import { untilAborted } from './cancellation.ts'
import { openDeadline, pause } from './deadline.ts'
import { type CancelSignal, platform } from './platform.ts'
import type { StatusBoard } from './status.ts'
import type { Connection, Transport } from './transport.ts'

/**
 * What the platform knows that may change what can be reached: the network is back, the page is looked at. Without a
 * connection it is a reason to try at once, with one to ask whether it still lives.
 */
export type ReconnectHints = (onHint: () => void) => () => void

export interface ReconnectOptions {
  readonly transport: Transport
  readonly backoff: Backoff
  /** For one attempt, until every subscription is confirmed. */
  readonly connectTimeoutMs: number
  readonly hints: ReconnectHints | undefined
  readonly status: StatusBoard
  /** Aborted when the client is closed. */
  readonly closing: CancelSignal
  /** Settles when the connection is ready: every subscription confirmed. */
  readonly attach: (connection: Connection) => Promise<void>
  readonly detach: () => void
  readonly onAttemptFailed: (error: ThingmeshError, retryInMs: number) => void
}

/** A connection that lived as long counts as one that worked: the next wait is a short one. */
const steadyMs = 5_000

/** Of what is not retryable that which is the hub's own affair. Who we are, what we may and what it speaks no other attempt will change. */
const passingCodes: readonly ErrorCode[] = ['too-large', 'canceled', 'internal']

/**
 * The one loop that keeps a client connected. Settles when the client is closed, with nothing, or when the hub refuses for
 * good, with the reason.
 */
export async function stayConnected(options: ReconnectOptions): Promise<ThingmeshError | undefined> {
  const { status, closing } = options
  let failures = 0
  const { AbortController } = platform()
  let hinted = new AbortController()
  let live: Connection | undefined
  // One that comes while an attempt is under way counts, too: that attempt may have begun too early.
  const unsubscribe = options.hints?.(() => {
    if (live === undefined) hinted.abort()
    else live.check?.()
  })
  try {
    while (!closing.aborted) {
      status.set({ state: 'connecting', reason: status.current.reason })
      const openedAt = platform().performance.now()
      hinted = new AbortController()
      const { error, stage } = await oneConnection(options, connection => {
        live = connection
      })
      live = undefined
      if (closing.aborted) return undefined
      if (isPermanent(error, stage)) return error
      if (stage === 'live' && platform().performance.now() - openedAt >= steadyMs) failures = 0
      const retryInMs = backoffMs(++failures, options.backoff, error.retryAfterSeconds)
      status.set({ state: 'offline', reason: error, retryInMs })
      options.onAttemptFailed(error, retryInMs)
      await pause(retryInMs, [closing, hinted.signal])
    }
    return undefined
  } finally {
    unsubscribe?.()
  }
}

interface Ended {
  readonly error: ThingmeshError
  readonly stage: 'opening' | 'live'
}

/** Opens a connection and sees it through to its end. */
async function oneConnection(
  { transport, status, closing, attach, detach, connectTimeoutMs }: ReconnectOptions,
  onLive: (connection: Connection) => void,
): Promise<Ended> {
  const deadline = openDeadline(connectTimeoutMs, [closing])
  let connection: Connection | undefined
  try {
    const opening = transport.open(deadline.signal)
    connection = await untilAborted(opening, deadline.signal).catch(error => {
      // A transport that does not listen to its signal may come with one all the same.
      opening.then(unwanted => unwanted.close(false)).catch(() => undefined)
      throw error
    })
    const over = connection.closed.then(error => {
      throw error
    })
    await untilAborted(Promise.race([attach(connection), over]), deadline.signal)
    deadline.release()
    onLive(connection)
    status.set({ state: 'connected' })
    return { error: await connection.closed, stage: 'live' }
  } catch (thrown) {
    if (deadline.ended() === 'timeout') return { error: tooLate(connectTimeoutMs, thrown), stage: 'opening' }
    return { error: toThingmeshError(thrown), stage: 'opening' }
  } finally {
    deadline.release()
    detach()
    await connection?.close(closing.aborted).catch(() => undefined)
  }
}

function tooLate(ms: number, cause?: unknown): ThingmeshError {
  return new ThingmeshError('timeout', `no connection within ${ms} ms`, { cause, outcome: 'not-sent' })
}

/**
 * A hub that lets us in and throws us out again may have its reasons for that one connection; the next attempt will tell.
 * Only who was pushed out by another one of its own name would push that out in turn, for ever.
 */
function isPermanent(error: ThingmeshError, stage: Ended['stage']): boolean {
  if (stage === 'live') return error.code === 'conflict'
  return error.outcome === 'rejected' && !error.retryable && !passingCodes.includes(error.code)
}
