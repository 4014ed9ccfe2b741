import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest'
import { createThing, startRegistry } from './fixture.ts'
import { MemoryRecords } from './memory-records.ts'

/** Registry and timers on one fake clock. */
const start = (records = new MemoryRecords()) => startRegistry({ records, nowMs: Date.now })

describe('keys and tokens that expire', () => {
  beforeEach(() => {
    vi.useFakeTimers()
  })
  afterEach(() => {
    vi.useRealTimers()
  })

  it('are announced when they do, in order, and not before', async () => {
    const { control, registry, announced } = await start()
    await control.things.create({ name: 'sensor' })
    const late = await control.keys.create('sensor', { expiresInSeconds: 3600 })
    const early = await control.tokens.create({ name: 'short', scope: 'read', expiresInSeconds: 10 })
    await control.tokens.create({ name: 'for ever', scope: 'read' })
    announced.length = 0
    vi.advanceTimersByTime(9_999)
    expect(announced).toEqual([])
    expect(registry.credentials.isValid(early.id)).toBe(true)
    vi.advanceTimersByTime(1)
    expect(registry.credentials.isValid(early.id)).toBe(false)
    const earlyEnd = [
      { kind: 'credential-revoked', credentialId: early.id },
      { kind: 'principal-revoked', domain: 'default', principal: `user:${early.id}`, deleted: true },
    ]
    expect(announced).toEqual(earlyEnd)
    vi.advanceTimersByTime(3_589_999)
    expect(announced).toEqual(earlyEnd)
    vi.advanceTimersByTime(1)
    expect(announced).toEqual([...earlyEnd, { kind: 'credential-revoked', credentialId: late.id }])
    vi.advanceTimersByTime(1e9)
    expect(announced).toHaveLength(3)
  })

  it('are announced each at its own time, however many there are and in whatever order they came', async () => {
    const { control, announced } = await start()
    const expected: { id: string; seconds: number }[] = []
    for (let i = 0; i < 200; i++) {
      const seconds = 1 + ((i * 7919) % 211)
      const { id } = await control.tokens.create({ name: 'many', scope: 'read', expiresInSeconds: seconds })
      expected.push({ id, seconds })
    }
    for (let second = 1; second <= 211; second++) {
      announced.length = 0
      vi.advanceTimersByTime(1000)
      const ended = announced.flatMap(change => (change.kind === 'credential-revoked' ? [change.credentialId] : []))
      expect(ended).toEqual(expected.filter(token => token.seconds === second).map(token => token.id))
    }
  })

  it('far away do not overflow the timer', async () => {
    const { control, announced } = await start()
    const days = 60
    const token = await control.tokens.create({ name: 'long', scope: 'read', expiresInSeconds: days * 86_400 })
    vi.advanceTimersByTime(days * 86_400_000 - 1)
    expect(announced).toEqual([])
    vi.advanceTimersByTime(1)
    expect(announced[0]).toEqual({ kind: 'credential-revoked', credentialId: token.id })
  })

  it('are announced at the end of a grace, and not when they have been revoked before', async () => {
    const { control, announced } = await start()
    const thing = await createThing(control, { name: 'sensor' })
    const other = await createThing(control, { name: 'other' })
    await control.keys.rotate('sensor', { graceSeconds: 5 })
    await control.keys.rotate('other', { graceSeconds: 5 })
    await control.keys.revoke('other', other.key.id)
    announced.length = 0
    vi.advanceTimersByTime(5_000)
    expect(announced).toEqual([{ kind: 'credential-revoked', credentialId: thing.key.id }])
  })

  it('are announced at the new end where a grace made it earlier', async () => {
    const { control, announced } = await start()
    const thing = await createThing(control, { name: 'sensor' })
    const key = await control.keys.create('sensor', { expiresInSeconds: 100 })
    await control.keys.revoke('sensor', thing.key.id)
    await control.keys.rotate('sensor', { graceSeconds: 10 })
    announced.length = 0
    vi.advanceTimersByTime(10_000)
    expect(announced).toEqual([{ kind: 'credential-revoked', credentialId: key.id }])
    vi.advanceTimersByTime(90_000)
    expect(announced).toHaveLength(1)
  })

  it('whose write took longer than they live are announced all the same', async () => {
    const { control, announced, records } = await start()
    const thing = await createThing(control, { name: 'sensor' })
    const release = records.hold()
    const rotating = control.keys.rotate('sensor', { graceSeconds: 1 })
    await vi.advanceTimersByTimeAsync(5_000)
    release()
    await rotating
    vi.advanceTimersByTime(1)
    expect(announced).toEqual([{ kind: 'credential-revoked', credentialId: thing.key.id }])
  })

  it('are announced within a minute where the clock was set forward', async () => {
    const { control, announced } = await start()
    const token = await control.tokens.create({ name: 'short', scope: 'read', expiresInSeconds: 86_400 })
    vi.setSystemTime(Date.now() + 2 * 86_400_000)
    expect(announced).toEqual([])
    vi.advanceTimersByTime(60_000)
    expect(announced[0]).toEqual({ kind: 'credential-revoked', credentialId: token.id })
  })

  it('are watched again after a restart, and what expired meanwhile is not', async () => {
    const records = new MemoryRecords()
    const first = await start(records)
    await first.control.tokens.create({ name: 'gone', scope: 'read', expiresInSeconds: 10 })
    const later = await first.control.tokens.create({ name: 'later', scope: 'read', expiresInSeconds: 100 })
    await first.registry.stop()
    expect(vi.getTimerCount()).toBe(0)
    vi.advanceTimersByTime(50_000)
    const { announced, registry } = await start(records)
    vi.advanceTimersByTime(49_999)
    expect(announced).toEqual([])
    vi.advanceTimersByTime(1)
    expect(announced[0]).toEqual({ kind: 'credential-revoked', credentialId: later.id })
    await registry.stop()
    expect(vi.getTimerCount()).toBe(0)
    expect(first.announced).toEqual([])
  })
})
