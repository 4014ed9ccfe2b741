import type { ReconnectHints } from '@thingmesh/core'

/** The last two are told to the document, and `resume` to nobody above it (Page Lifecycle): hence the capture below. */
const signs = ['online', 'offline', 'pageshow', 'visibilitychange', 'resume']

/**
 * When the network comes or goes, the page is looked at or left, or comes back from where the browser had put it to sleep:
 * then a connection may be possible that was not, or be dead that seems alive. Works in pages and in workers, of which
 * the latter hear of the network alone.
 */
export const pageHints: ReconnectHints = onHint => {
  for (const sign of signs) globalThis.addEventListener(sign, onHint, true)
  return () => {
    for (const sign of signs) globalThis.removeEventListener(sign, onHint, true)
  }
}
