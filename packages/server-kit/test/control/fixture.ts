import { isThingmeshError, type NewKey, type Principal, type Thing } from '@thingmesh/core'
import { keyAuthenticator, operatorTokenAuthenticator } from '../../src/auth/index.ts'
import type { Authenticate, RegistryControl, RightsChange, ThingDraft } from '../../src/contracts/index.ts'
import { Registry, type RegistryOptions } from '../../src/control/index.ts'
import { MemoryRecords } from './memory-records.ts'

export const peer = { address: '192.0.2.1' }

export interface Fixture {
  readonly records: MemoryRecords
  readonly registry: Registry
  readonly control: RegistryControl
  /** Every change that was announced, in order. */
  readonly announced: RightsChange[]
  /** Moves the clock. */
  readonly clock: { nowMs: number }
  readonly byKey: Authenticate
  readonly byToken: Authenticate
}

export async function startRegistry(
  options: Partial<RegistryOptions> & { readonly records?: MemoryRecords } = {},
): Promise<Fixture> {
  const records = options.records ?? new MemoryRecords()
  const clock = { nowMs: 1_700_000_000_000 }
  const registry = new Registry({ nowMs: () => clock.nowMs, ...options, records })
  await registry.start()
  const announced: RightsChange[] = []
  registry.authorizer.onChange(change => announced.push(change))
  return {
    records,
    registry,
    clock,
    announced,
    control: registry.control({ embedder: true }, () => []),
    byKey: keyAuthenticator(registry.credentials),
    byToken: operatorTokenAuthenticator(registry.credentials),
  }
}

export async function principalOfKey(fixture: Fixture, secret: string): Promise<Principal> {
  const principal = await fixture.byKey({ kind: 'key', secret }, peer)
  if (principal === undefined) throw new Error('the key was not recognised')
  return principal
}

export async function principalOfToken(fixture: Fixture, token: string): Promise<Principal> {
  const principal = await fixture.byToken({ kind: 'token', token }, peer)
  if (principal === undefined) throw new Error('the token was not recognised')
  return principal
}

/** With its first key. */
export async function createThing(
  control: RegistryControl,
  draft: ThingDraft,
): Promise<Thing & { readonly key: NewKey }> {
  const [created] = await control.things.createMany([draft])
  if (created === undefined) throw new Error('no thing was created')
  return created
}

/** The code of what a promise rejects with, or what else became of it. */
export async function codeOf(promise: Promise<unknown>): Promise<string> {
  try {
    await promise
    return 'settled'
  } catch (error) {
    return isThingmeshError(error) ? error.code : `not ours: ${String(error)}`
  }
}
