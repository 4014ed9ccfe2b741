import { type Admin, type Channel, isThingmeshError, type Thing, ThingmeshError } from '@thingmesh/client-browser'
import type { Store } from './store.ts'

/** The page shows so many of each; who has more has another page than this example. */
export const itemsMax = 500

/** Reads things and channels, and who asks, into the store. What fails is told there, and what was known stays. */
export async function readRegistry(admin: Admin, store: Store): Promise<void> {
  try {
    const [channels, things, me] = await Promise.all([
      take<Channel>(admin.channels.list({ pageSize: itemsMax })),
      take<Thing>(admin.things.list({ pageSize: itemsMax })),
      store.state.me ?? admin.me(),
    ])
    store.set({ channels, things, me, registryError: undefined })
  } catch (error) {
    const registryError = isThingmeshError(error) ? error : new ThingmeshError('internal', String(error))
    if (registryError.code !== 'canceled') store.set({ registryError })
  }
}

async function take<Item>(items: AsyncIterable<Item>): Promise<readonly Item[]> {
  const taken: Item[] = []
  for await (const item of items) {
    taken.push(item)
    if (taken.length === itemsMax) break
  }
  return taken
}
