import { onAbort } from './cancellation.ts'
import { type CancelSignal, platform } from './platform.ts'

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
    ended ??= how
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
  const { signal, release } = openDeadline(milliseconds, signals)
  return new Promise<void>(resolve => onAbort(signal, resolve)).finally(release)
}
