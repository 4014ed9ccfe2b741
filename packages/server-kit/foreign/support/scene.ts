import { type HubOptions, type HubProcess, startHub } from './hub.ts'
import { createChannel, createThing, type Thing } from './provision.ts'
import { openSite, type Site } from './site.ts'

/** A hub of the test's own, with a channel `telemetry` and a thing that may do everything there. */
export interface Scene {
  readonly site: Site
  readonly hub: HubProcess
  readonly meter: Thing
}

export async function openScene(options: HubOptions = {}): Promise<Scene> {
  const site = await openSite()
  const hub = await startHub(site, options)
  await createChannel(hub, 'telemetry')
  return { site, hub, meter: await createThing(hub, 'meter', ['telemetry']) }
}
