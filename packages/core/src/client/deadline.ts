import { canceled, onAbort } from './cancellation.ts'
import { type CancelSignal, platform } from './platform.ts'
import { deferred } from './status.ts'

/**
 * One platform signal out of what may end an exchange: the caller's signal, the client's own closing, and the time.
 * `release` must be called, or the timer and the listeners stay.
 */
export interface Deadline {
  readonly signal: CancelSignal
  /** Why it ended, where it did. */
  readonly ended: () => 'canceled' | 'timeout' | undefined
  release(): void
}

export function openDeadline(timeoutMs: number, signals: readonly (CancelSignal | undefined)[]): Deadline {
  const controller = new (platform().AbortController)()
  let ended: 'canceled' | 'timeout' | undefined
  const end = (how: 'canceled' | 'timeout', reason?: unknown): void => {
    if (ended !== undefined) return
    ended = how
    controller.abort(reason)
  }
  const timer = platform().setTimeout(() => end('timeout'), timeoutMs)
  const releases = signals.map(signal => onAbort(signal, () => end('canceled', signal?.reason)))
  return {
    signal: controller.signal,
    ended: () => ended,
    release() {
      platform().clearTimeout(timer)
      for (const release of releases) release()
    },
  }
}

/** Settles after the time, or at once when one of the signals is aborted. Never rejects. */
export function pause(milliseconds: number, signals: readonly (CancelSignal | undefined)[]): Promise<void> {
  return new Promise(resolve => {
    const deadline = openDeadline(milliseconds, signals)
    onAbort(deadline.signal, () => {
      deadline.release()
      resolve()
    })
  })
}

/** As the work settles; or `canceled`, where the signal comes first. */
export async function untilAborted<Value>(work: Promise<Value>, signal: CancelSignal | undefined): Promise<Value> {
  const given = deferred<never>()
  const letGo = onAbort(signal, () => given.reject(canceled(signal?.reason)))
  try {
    return await Promise.race([work, given.promise])
  } finally {
    letGo()
  }
}
