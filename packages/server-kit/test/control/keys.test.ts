import { describe, expect, it } from 'vitest'
import type { Credential } from '../../src/contracts/index.ts'
import { codeOf, createThing, peer, startRegistry } from './fixture.ts'

const start = async () => {
  const fixture = await startRegistry()
  const thing = await createThing(fixture.control, { name: 'sensor' })
  const proves = async (secret: string): Promise<boolean> => {
    const credential: Credential = { kind: 'key', secret }
    return (await codeOf(fixture.byKey(credential, peer))) === 'settled'
  }
  fixture.announced.length = 0
  return { ...fixture, thing, proves }
}

describe('keys', () => {
  it('are shown once, and stored as a hash that is keyed with a secret of the hub', async () => {
    const { records, control, thing } = await start()
    const [listed] = await control.keys.list('sensor')
    const { secret, ...key } = thing.key
    expect(listed).toEqual(key)
    expect(records.text).not.toContain(secret)
    expect(records.text).not.toContain(secret.slice(-43))
  })

  it('are two at most, so that one can be changed for another', async () => {
    const { control, thing, proves, announced } = await start()
    const second = await control.keys.create('sensor')
    await expect(control.keys.create(thing.id)).rejects.toMatchObject({
      code: 'conflict',
      details: { limit: 'validKeysPerThingMax', found: 2, max: 2 },
    })
    expect(await proves(thing.key.secret)).toBe(true)
    expect(await proves(second.secret)).toBe(true)
    await control.keys.revoke('sensor', thing.key.id)
    expect(announced).toEqual([{ kind: 'credential-revoked', credentialId: thing.key.id }])
    expect(await proves(thing.key.secret)).toBe(false)
    expect(await proves(second.secret)).toBe(true)
    expect((await control.keys.list('sensor')).map(key => key.id)).toEqual([second.id])
    expect(await codeOf(control.keys.create('sensor'))).toBe('settled')
  })

  it('belong to their thing', async () => {
    const { control, thing } = await start()
    const other = await createThing(control, { name: 'other' })
    expect(await codeOf(control.keys.revoke('other', thing.key.id))).toBe('not-found')
    expect(await codeOf(control.keys.revoke('sensor', other.key.id))).toBe('not-found')
    expect(await codeOf(control.keys.list('nobody'))).toBe('not-found')
    expect(await codeOf(control.keys.create('nobody'))).toBe('not-found')
  })

  it('rotate at once: the ones before end', async () => {
    const { control, thing, proves, announced } = await start()
    const second = await control.keys.create('sensor')
    const fresh = await control.keys.rotate('sensor')
    expect(announced.map(change => change.kind === 'credential-revoked' && change.credentialId)).toEqual([
      thing.key.id,
      second.id,
    ])
    expect([await proves(thing.key.secret), await proves(second.secret), await proves(fresh.secret)]).toEqual([
      false,
      false,
      true,
    ])
  })

  it('rotate with a grace: the one before ends after it', async () => {
    const { control, thing, proves, clock } = await start()
    const fresh = await control.keys.rotate('sensor', { graceSeconds: 60 })
    expect((await control.keys.list('sensor')).find(key => key.id === thing.key.id)).toMatchObject({
      expiresAtMs: clock.nowMs + 60_000,
    })
    // A third would be valid.
    expect(await codeOf(control.keys.rotate('sensor', { graceSeconds: 60 }))).toBe('conflict')
    expect([await proves(thing.key.secret), await proves(fresh.secret)]).toEqual([true, true])
    clock.nowMs += 59_999
    expect(await proves(thing.key.secret)).toBe(true)
    clock.nowMs += 1
    expect([await proves(thing.key.secret), await proves(fresh.secret)]).toEqual([false, true])
    expect(await codeOf(control.keys.rotate('sensor', { graceSeconds: 60 }))).toBe('settled')
  })

  it('do not live longer for a grace than they would have', async () => {
    const { control, clock, thing } = await start()
    const short = await control.keys.create('sensor', { expiresInSeconds: 10 })
    await control.keys.revoke('sensor', thing.key.id)
    await control.keys.rotate('sensor', { graceSeconds: 60 })
    expect((await control.keys.list('sensor')).find(key => key.id === short.id)?.expiresAtMs).toBe(clock.nowMs + 10_000)
  })

  it('that have expired prove nothing, make room, and go when the next one comes', async () => {
    const { control, clock, proves, thing } = await start()
    const short = await control.keys.create('sensor', { expiresInSeconds: 5 })
    expect(short.expiresAtMs).toBe(clock.nowMs + 5000)
    clock.nowMs += 5000
    expect(await proves(short.secret)).toBe(false)
    expect(await control.keys.list('sensor')).toHaveLength(2)
    const next = await control.keys.create('sensor')
    const left = (await control.keys.list('sensor')).map(key => key.id)
    expect(left.sort()).toEqual([thing.key.id, next.id].sort())
  })

  it('refuse lifetimes and graces that are none', async () => {
    const { control } = await start()
    for (const seconds of [-1, 0.5, Number.NaN, 1e12]) {
      expect(await codeOf(control.keys.create('sensor', { expiresInSeconds: seconds }))).toBe('invalid-argument')
      expect(await codeOf(control.keys.rotate('sensor', { graceSeconds: seconds }))).toBe('invalid-argument')
    }
    expect(await codeOf(control.keys.create('sensor', { expiresInSeconds: 0 }))).toBe('invalid-argument')
  })
})
