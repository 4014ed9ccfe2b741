import type { ReconnectHints } from '@thingmesh/core'

/**
 * When the network came or went, the page is looked at again, or it comes back from where the browser had put it to sleep:
 * then a connection may be possible that was not, or be dead that seems alive. Works in pages and in workers, of which
 * the latter hear of the network alone.
 */
export const pageHints: ReconnectHints = onHint => {
  const onVisible = (): void => {
    if (document.visibilityState === 'visible') onHint()
  }
  const page = typeof document === 'undefined' ? undefined : document
  const events = ['online', 'offline', 'pageshow'] as const
  for (const name of events) globalThis.addEventListener(name, onHint)
  page?.addEventListener('visibilitychange', onVisible)
  // A frozen page goes on where it was, without having been hidden to itself (Page Lifecycle).
  page?.addEventListener('resume', onHint)
  return () => {
    for (const name of events) globalThis.removeEventListener(name, onHint)
    page?.removeEventListener('visibilitychange', onVisible)
    page?.removeEventListener('resume', onHint)
  }
}
