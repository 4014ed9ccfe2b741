import 'reflect-metadata'
import type { webcrypto } from 'node:crypto'
import {
  BasicConstraintsExtension,
  ExtendedKeyUsage,
  ExtendedKeyUsageExtension,
  Extension,
  PemConverter,
  SubjectAlternativeNameExtension,
  type X509Certificate,
  X509CertificateGenerator,
} from '@peculiar/x509'

export interface IssueOptions {
  readonly commonName?: string
  readonly uris?: readonly string[]
  readonly dnsNames?: readonly string[]
  /** Instead of the names: the extension's contents, as they are. */
  readonly rawNames?: Uint8Array
  readonly notBeforeMs?: number
  readonly notAfterMs?: number
  readonly usage?: 'server' | 'client'
  /** Bytes in an extension that means nothing. */
  readonly paddingBytes?: number
}

/** PEM. */
export interface Issued {
  readonly cert: string
  readonly key: string
}

const algorithm = { name: 'ECDSA', namedCurve: 'P-256', hash: 'SHA-256' }
const dayMs = 24 * 3600 * 1000

/** One that makes certificates for a test, in memory. */
export class Authority {
  readonly cert: string
  readonly #certificate: X509Certificate
  readonly #keys: webcrypto.CryptoKeyPair

  private constructor(certificate: X509Certificate, keys: webcrypto.CryptoKeyPair) {
    this.cert = certificate.toString('pem')
    this.#certificate = certificate
    this.#keys = keys
  }

  static async create(name = 'test authority'): Promise<Authority> {
    const keys = await newKeys()
    const certificate = await X509CertificateGenerator.createSelfSigned({
      name: `CN=${name}`,
      notBefore: new Date(Date.now() - dayMs),
      notAfter: new Date(Date.now() + dayMs),
      signingAlgorithm: algorithm,
      keys,
      extensions: [new BasicConstraintsExtension(true, undefined, true)],
    })
    return new Authority(certificate, keys)
  }

  async issue(options: IssueOptions = {}): Promise<Issued> {
    const { commonName = 'somebody', uris = [], dnsNames = [], rawNames, usage = 'client', paddingBytes = 0 } = options
    const keys = await newKeys()
    const names = [
      ...uris.map(value => ({ type: 'url' as const, value })),
      ...dnsNames.map(value => ({ type: 'dns' as const, value })),
    ]
    const certificate = await X509CertificateGenerator.create({
      subject: `CN=${commonName}`,
      issuer: this.#certificate.subject,
      notBefore: new Date(options.notBeforeMs ?? Date.now() - dayMs),
      notAfter: new Date(options.notAfterMs ?? Date.now() + dayMs),
      publicKey: keys.publicKey,
      signingKey: this.#keys.privateKey,
      signingAlgorithm: algorithm,
      extensions: [
        new ExtendedKeyUsageExtension([ExtendedKeyUsage[usage === 'client' ? 'clientAuth' : 'serverAuth']]),
        ...(names.length > 0 ? [new SubjectAlternativeNameExtension(names)] : []),
        ...(rawNames === undefined ? [] : [new Extension('2.5.29.17', false, rawNames)]),
        ...(paddingBytes === 0 ? [] : [new Extension('1.2.3.4', false, new Uint8Array(paddingBytes))]),
      ],
    })
    const key = await crypto.subtle.exportKey('pkcs8', keys.privateKey)
    return { cert: certificate.toString('pem'), key: PemConverter.encode(key, 'PRIVATE KEY') }
  }

  /** For a hub that answers as `localhost`. */
  issueServer(dnsNames: readonly string[] = ['localhost']): Promise<Issued> {
    return this.issue({ commonName: dnsNames[0]!, dnsNames, usage: 'server' })
  }
}

async function newKeys(): Promise<webcrypto.CryptoKeyPair> {
  return (await crypto.subtle.generateKey(algorithm, true, ['sign', 'verify'])) as webcrypto.CryptoKeyPair
}
