import type { Admin, Presence } from '@thingmesh/client-browser'
import type { Store } from './store.ts'

/** Keeps the store's presences as the hub tells them, until the signal. Throws what another attempt would not change. */
export async function followPresence(admin: Admin, store: Store, signal: AbortSignal): Promise<void> {
  const onRetry = (presenceError: NonNullable<typeof store.state.presenceError>) => store.set({ presenceError })
  let presences = new Map<string, Presence>()
  for await (const { reset, items, gone } of admin.presence.follow({ signal, onRetry })) {
    presences = reset ? new Map() : new Map(presences)
    for (const item of items) presences.set(item.principal, item)
    for (const principal of gone) presences.delete(principal)
    store.set({ presences, presenceError: undefined })
  }
}
