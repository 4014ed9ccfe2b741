import { ThingmeshError } from '@thingmesh/core'

/**
 * Takes a lock that all pages and workers of the origin share (Web Locks), and gives the function that lets go of it; the end
 * of the page does so, too, however it ends. Throws `conflict` where somebody else has it for that long, `unsupported` where
 * the browser has no locks.
 */
export function takeLock(name: string, waitMs: number): Promise<() => void> {
  // Not in a page that came over plain HTTP, whatever the types say.
  const locks: LockManager | undefined = navigator.locks
  if (locks === undefined) {
    throw new ThingmeshError('unsupported', 'no Web Locks: they take https or localhost', {
      outcome: 'not-sent',
    })
  }
  return new Promise((resolve, reject) => {
    const taken = (cause?: unknown): void => {
      const text = `another page keeps ${name}: waited ${waitMs} ms`
      reject(new ThingmeshError('conflict', text, { cause, outcome: 'not-sent' }))
    }
    const hold = (lock: Lock | null): Promise<void> | undefined => {
      if (lock !== null) return new Promise<void>(resolve)
      taken()
      return undefined
    }
    locks.request(name, toLockOptions(waitMs), hold).catch(taken)
  })
}

function toLockOptions(waitMs: number): LockOptions {
  if (waitMs === 0) return { ifAvailable: true }
  return Number.isFinite(waitMs) ? { signal: AbortSignal.timeout(waitMs) } : {}
}
