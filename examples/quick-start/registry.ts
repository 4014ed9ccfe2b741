import { type Action, isThingmeshError } from '@thingmesh/core'
import type { Hub } from '@thingmesh/server-kit'

type Control = Hub['control']

export async function ensureChannel(control: Control, name: string): Promise<void> {
  if (!(await exists(control.channels.get(name)))) await control.channels.create({ name })
}

/**
 * The thing with its grant on the channel, made where they are missing. Gives a new key and ends the ones before it:
 * keys are kept as hashes, so the key of an earlier run is known to nobody any more.
 */
export async function ensureThing(
  control: Control,
  name: string,
  channel: string,
  actions: readonly Action[],
): Promise<string> {
  if (!(await exists(control.things.get(name)))) await control.things.create({ name })
  const { items } = await control.grants.list({ thing: name, channel })
  if (items.length === 0) await control.grants.create({ thing: name, channel, actions })
  return (await control.keys.rotate(name)).secret
}

async function exists(looking: Promise<unknown>): Promise<boolean> {
  try {
    await looking
    return true
  } catch (error) {
    if (isThingmeshError(error) && error.code === 'not-found') return false
    throw error
  }
}
