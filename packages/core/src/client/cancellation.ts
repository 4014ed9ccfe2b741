import { type Outcome, ThingmeshError } from '../errors/index.ts'
import type { CancelSignal } from './platform.ts'

/** What a caller gets who gave up. */
export function canceled(cause: unknown, outcome: Outcome = 'not-sent'): ThingmeshError {
  return new ThingmeshError('canceled', 'the caller gave up', { cause, outcome })
}

/** Calls back when the signal, where there is one, is aborted, at once where it is. The function that it gives lets go of it. */
export function onAbort(signal: CancelSignal | undefined, callback: () => void): () => void {
  if (signal?.aborted === true) callback()
  signal?.addEventListener('abort', callback)
  return () => signal?.removeEventListener('abort', callback)
}

/** As the work settles; or `canceled`, where the signal comes first. */
export function untilAborted<Value>(work: Promise<Value>, signal: CancelSignal | undefined): Promise<Value> {
  return new Promise((resolve, reject) => {
    const letGo = onAbort(signal, () => reject(canceled(signal?.reason)))
    work.then(resolve, reject).finally(letGo)
  })
}
