import { X509Certificate } from 'node:crypto'
import fc from 'fast-check'
import { beforeAll, describe, expect, it } from 'vitest'
import { subjectAlternativeNames } from '../../src/tls/subject-alternative-names.ts'
import { Authority, type IssueOptions } from '../support/certificates.ts'

let authority: Authority
beforeAll(async () => {
  authority = await Authority.create()
})

const derOf = async (options: IssueOptions) => new X509Certificate((await authority.issue(options)).cert).raw
const none = { uris: [], dnsNames: [] }

/** A name with this tag, short or long. */
function name(tag: number, text: string): Buffer {
  const bytes = Buffer.from(text, 'latin1')
  const { length } = bytes
  const head =
    length < 0x80 ? [tag, length] : length < 0x100 ? [tag, 0x81, length] : [tag, 0x82, length >> 8, length & 0xff]
  return Buffer.concat([Buffer.from(head), bytes])
}

const list = (...names: readonly Buffer[]) => name(0x30, Buffer.concat(names).toString('latin1'))
const [mail, dns, uri, address] = [0x81, 0x82, 0x86, 0x87]

describe('the names of a certificate', () => {
  it('are those that it was given, in order, of these two kinds', async () => {
    const uris = ['urn:thingmesh:thing:0123', 'https://host.example/a?b#c', `urn:x:${'long/'.repeat(200)}`]
    const dnsNames = ['sensor-1', '*.host.example', 'a'.repeat(200)]
    expect(subjectAlternativeNames(await derOf({ uris, dnsNames }))).toEqual({ uris, dnsNames })
    const rawNames = list(name(mail, 'a@b'), name(dns, 'one'), name(address, '\x7f\0\0\x01'), name(uri, 'two:'))
    expect(subjectAlternativeNames(await derOf({ rawNames }))).toEqual({ uris: ['two:'], dnsNames: ['one'] })
    expect(subjectAlternativeNames(await derOf({}))).toEqual(none)
  })

  it('are one each, however they look as text', async () => {
    const odd = 'x,DNS:sensor-1,URI:urn:thingmesh:thing:1'
    expect(subjectAlternativeNames(await derOf({ rawNames: list(name(dns, odd)) })).dnsNames).toEqual([odd])
  })

  it.each([
    ['a NUL', list(name(dns, 'good'), name(dns, 'sensor\0.example'))],
    ['a space', list(name(dns, 'good'), name(uri, 'x, DNS:sensor'))],
    ['a line break', list(name(dns, 'good'), name(dns, 'a\nb'))],
    ['what is not ASCII', list(name(dns, 'good'), name(dns, 'h\xe4'))],
    ['nothing in it', list(name(dns, 'good'), name(dns, ''))],
    ['a length that says too much', list(name(dns, 'good'), Buffer.of(dns, 9, 0x61))],
    ['a length of two bytes for what one can say', list(name(dns, 'good'), Buffer.of(dns, 0x81, 1, 0x61))],
    ['an indefinite length', list(name(dns, 'good'), Buffer.of(dns, 0x80, 0x61, 0, 0))],
    ['a length of four bytes', list(name(dns, 'good'), Buffer.of(dns, 0x84, 0, 0, 0, 1, 0x61))],
    ['a long tag', list(name(dns, 'good'), Buffer.of(0x9f, 0x82, 1, 0x61))],
    ['something behind them', Buffer.concat([list(name(dns, 'good')), Buffer.of(5, 0)])],
    ['no list around them', name(dns, 'good')],
  ])('are none where one of them has %s', async (_, rawNames) => {
    expect(subjectAlternativeNames(await derOf({ rawNames }))).toEqual(none)
  })

  it('are none where they come twice', async () => {
    expect(subjectAlternativeNames(await derOf({ dnsNames: ['one'], rawNames: list(name(dns, 'two')) }))).toEqual(none)
  })

  it('are found, or are none, whatever the bytes: it ends, and throws nothing', async () => {
    const whole = await derOf({ uris: ['urn:thingmesh:thing:0123'], dnsNames: ['sensor-1'] })
    const damage = fc.array(fc.tuple(fc.nat(whole.length - 1), fc.nat(255)), { minLength: 1, maxLength: 8 })
    fc.assert(
      fc.property(damage, fc.nat(whole.length), (changes, end) => {
        const damaged = Buffer.from(whole)
        for (const [at, byte] of changes) damaged[at] = byte
        for (const bytes of [damaged, damaged.subarray(0, end)]) {
          const { uris, dnsNames } = subjectAlternativeNames(bytes)
          expect([...uris, ...dnsNames].every(text => /^[\x21-\x7e]+$/.test(text))).toBe(true)
        }
      }),
    )
    fc.assert(fc.property(fc.uint8Array({ maxLength: 300 }), bytes => void subjectAlternativeNames(bytes)))
    for (let end = 0; end < whole.length; end++) expect(subjectAlternativeNames(whole.subarray(0, end))).toEqual(none)
  })
})
