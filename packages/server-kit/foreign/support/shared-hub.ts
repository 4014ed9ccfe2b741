import { mkdtemp } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, beforeAll } from 'vitest'
import { type HubProcess, startHub } from './hub.ts'
import { createChannel, createThing, type Thing } from './provision.ts'
import { openSite, Site } from './site.ts'

/** What one test has of a hub that others use too: nobody else hears of it, nor it of others. */
export interface Corner {
  readonly site: Site
  readonly hub: HubProcess
  /** A channel of this test's own. */
  readonly home: string
  /** One that its thing has no right on. */
  readonly closed: string
  readonly thing: Thing
}

/**
 * One hub for all tests of a file that do nothing to it: a start of its own for each would be most of their time. Answers a function that opens a test's corner.
 */
export function shareHub(): () => Promise<Corner> {
  let site: Site | undefined
  let hub: HubProcess | undefined
  let count = 0
  beforeAll(async () => {
    site = new Site(await mkdtemp(join(tmpdir(), 'thingmesh-foreign-')))
    hub = await startHub(site)
    await createChannel(hub, 'closed')
  })
  afterAll(() => site?.close())
  return async () => {
    if (hub === undefined) throw new TypeError('a corner is opened in a test')
    return openCorner(await openSite(), hub, count++)
  }
}

/** The same with a hub that is this test's alone. */
export async function openOwnHub(): Promise<Corner> {
  const site = await openSite()
  const hub = await startHub(site)
  await createChannel(hub, 'closed')
  return openCorner(site, hub, 0)
}

async function openCorner(site: Site, hub: HubProcess, number: number): Promise<Corner> {
  const home = `home-${number}`
  await createChannel(hub, home)
  const thing = await createThing(hub, `thing-${number}`, [home])
  return { site, hub, home, closed: 'closed', thing }
}
