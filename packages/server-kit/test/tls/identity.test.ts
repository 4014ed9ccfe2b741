import { beforeAll, describe, expect, it } from 'vitest'
import { type TlsIdentityOptions, tlsIdentity } from '../../src/tls/index.ts'
import { Authority, type Issued } from '../support/certificates.ts'

let authority: Authority
let server: Issued
beforeAll(async () => {
  authority = await Authority.create()
  server = await authority.issueServer()
})

const failureOf = (options: TlsIdentityOptions): unknown => {
  try {
    tlsIdentity(options)
    return undefined
  } catch (error) {
    return error
  }
}

describe('tlsIdentity', () => {
  it('takes PEM as text and as bytes, with a chain behind the certificate', () => {
    const bytes = { cert: Buffer.from(server.cert), key: new Uint8Array(Buffer.from(server.key)) }
    expect(failureOf(bytes)).toBe(undefined)
    expect(failureOf({ ...server, cert: `${server.cert}\n${authority.cert}` })).toBe(undefined)
    expect(tlsIdentity({ ...server, ca: authority.cert, clientCertificates: 'optional' }).clientCertificates).toBe(
      'optional',
    )
  })

  it('refuses what cannot be used, and quotes nothing of it', async () => {
    const another = await authority.issueServer()
    const unusable: readonly TlsIdentityOptions[] = [
      { cert: '', key: '' },
      { cert: server.cert, key: '' },
      { cert: 'secret', key: server.key },
      { cert: server.cert, key: 'secret' },
      { cert: server.cert, key: another.key },
      { cert: server.key, key: server.cert },
      { ...server, sni: { 'a.example': { cert: server.cert, key: another.key } } },
      { ...server, clientCertificates: 'required', ca: 'secret' },
    ]
    for (const options of unusable) {
      expect(failureOf(options)).toMatchObject({ code: 'invalid-argument' })
      expect(String(failureOf(options))).not.toMatch(/secret|BEGIN/)
    }
  })

  it('asks for no client certificates without an authority of its own to verify them', () => {
    for (const clientCertificates of ['optional', 'required'] as const) {
      for (const ca of [undefined, '', []]) {
        expect(failureOf({ ...server, clientCertificates, ca })).toMatchObject({ code: 'invalid-argument' })
      }
    }
  })

  it('takes no version before 1.2, and no name that is none', () => {
    expect(failureOf({ ...server, minVersion: 'TLSv1.1' as 'TLSv1.2' })).toBeInstanceOf(TypeError)
    expect(failureOf({ ...server, clientCertificates: 'yes' as 'off' })).toBeInstanceOf(TypeError)
    for (const name of ['', '*', '*.', 'a..b', 'a.*.b', 'a b', 'a\0b']) {
      expect(failureOf({ ...server, sni: { [name]: server } })).toBeInstanceOf(TypeError)
    }
  })
})
