import { generateKeyPairSync } from 'node:crypto'
import { describe, expect, it } from 'vitest'
import { parsePublicKey } from '../../src/control/public-key.ts'
import { codeOf, createThing, startRegistry } from './fixture.ts'

const newPublicKey = () => generateKeyPairSync('ed25519').publicKey.export({ format: 'jwk' }).x!
const toText = (hex: string) => Buffer.from(hex, 'hex').toString('base64url')

/** The eight points whose order divides eight, and the ways to write some of them that RFC 8032 does not allow. */
const smallOrder = [
  `01${'00'.repeat(31)}`,
  `ec${'ff'.repeat(30)}7f`,
  '00'.repeat(32),
  `${'00'.repeat(31)}80`,
  '26e8958fc2b227b045c3f489f2ef98f0d5dfac05d3c63339b13802886d53fc05',
  '26e8958fc2b227b045c3f489f2ef98f0d5dfac05d3c63339b13802886d53fc85',
  'c7176a703d4dd84fba3c0b760d10670f2a2053fa2c39ccc64ec7fd7792ac037a',
  'c7176a703d4dd84fba3c0b760d10670f2a2053fa2c39ccc64ec7fd7792ac03fa',
]
const otherwiseWritten = [
  `01${'00'.repeat(30)}80`,
  `ec${'ff'.repeat(31)}`,
  `ed${'ff'.repeat(30)}7f`,
  `ee${'ff'.repeat(30)}7f`,
  'ff'.repeat(32),
]

describe('a public key', () => {
  it('is taken where somebody can have its private key', () => {
    // RFC 8032, section 7.1.
    for (const hex of [
      'd75a980182b10ab7d54bfed3c964073a0ee172f3daa62325af021a68f707511a',
      '3d4017c3e843895a92b70aa74d1b7ebc9c982ccf2ec4968cc0cd55f12af4660c',
      'fc51cd8e6218a1a38da47ed00230f0580816ed13ba3303ac5deb911548908025',
    ]) {
      expect(parsePublicKey(toText(hex))).toBe(toText(hex))
    }
    for (let i = 0; i < 50; i++) expect(() => parsePublicKey(newPublicKey())).not.toThrow()
  })

  it('is refused where a signature needs no private key', () => {
    for (const hex of smallOrder) {
      expect(() => parsePublicKey(toText(hex))).toThrow(/small order/)
    }
  })

  it('is refused where it is no point of the curve, or not as the curve writes it', () => {
    for (const hex of [...otherwiseWritten, `02${'00'.repeat(31)}`]) {
      expect(() => parsePublicKey(toText(hex))).toThrow(/no point/)
    }
  })

  it.each([
    ['nothing', undefined],
    ['no text', 5],
    ['an empty text', ''],
    ['31 bytes', Buffer.alloc(31, 7).toString('base64url')],
    ['33 bytes', Buffer.alloc(33, 7).toString('base64url')],
    ['padding', `${'A'.repeat(43)}=`],
    ['base64', `${'+'.repeat(42)}A`],
    ['bits left over', `${'A'.repeat(42)}B`],
    ['PEM', '-----BEGIN PUBLIC KEY-----'],
  ])('is refused where it is not its bytes: %s', (_, text) => {
    expect(() => parsePublicKey(text)).toThrow(/32 bytes in base64url/)
  })
})

describe('a registered public key', () => {
  it('is listed with its kind, counts as one of the two, and is revoked like a secret', async () => {
    const { control, announced, records } = await startRegistry()
    const thing = await createThing(control, { name: 'sensor' })
    expect(thing.key.kind).toBe('secret')
    announced.length = 0
    const publicKey = newPublicKey()
    const key = await control.keys.register('sensor', { publicKey, expiresInSeconds: 60 })
    expect(key).toMatchObject({ kind: 'public-key', publicKey, thing: thing.id, expiresAtMs: key.createdAtMs + 60_000 })
    expect(key).not.toHaveProperty('secret')
    expect((await control.keys.list('sensor')).map(({ kind }) => kind).sort()).toEqual(['public-key', 'secret'])
    expect(await codeOf(control.keys.create('sensor'))).toBe('conflict')
    expect(await codeOf(control.keys.register('sensor', { publicKey: newPublicKey() }))).toBe('conflict')
    expect(records.text).toContain(publicKey)
    await control.keys.revoke('sensor', key.id)
    expect(announced).toEqual([{ kind: 'credential-revoked', credentialId: key.id }])
    expect(await control.keys.list('sensor')).toHaveLength(1)
  })

  it('is there after a restart, and ends by a rotation', async () => {
    const first = await startRegistry()
    await createThing(first.control, { name: 'sensor' })
    const { id } = await first.control.keys.register('sensor', { publicKey: newPublicKey() })
    const listed = await first.control.keys.list('sensor')
    await first.registry.stop()
    const { control, registry } = await startRegistry({ records: first.records })
    expect(await control.keys.list('sensor')).toEqual(listed)
    expect(registry.credentials.publicKeysOf('sensor').map(entry => entry.key.id)).toEqual([id])
    await control.keys.rotate('sensor')
    expect(registry.credentials.publicKeysOf('sensor')).toEqual([])
  })

  it('is not registered twice for one thing, nor for a thing that is not there', async () => {
    const { control } = await startRegistry()
    await createThing(control, { name: 'sensor' })
    const publicKey = newPublicKey()
    await control.keys.register('sensor', { publicKey })
    const [secret] = (await control.keys.list('sensor')).filter(({ kind }) => kind === 'secret')
    await control.keys.revoke('sensor', secret!.id)
    expect(await codeOf(control.keys.register('sensor', { publicKey }))).toBe('conflict')
    expect(await codeOf(control.keys.register('nobody', { publicKey }))).toBe('not-found')
    expect(await codeOf(control.keys.register('sensor', { publicKey: toText(smallOrder[4]!) }))).toBe(
      'invalid-argument',
    )
  })
})
