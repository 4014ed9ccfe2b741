import { constants, X509Certificate } from 'node:crypto'
import { createSecureContext, type SecureContext, type SecureContextOptions } from 'node:tls'
import { ThingmeshError } from '@thingmesh/core'
import type { ClientCertificates } from '../contracts/index.ts'
import type { TlsCertificate, TlsMaterial } from './material.ts'

export type MinimumVersion = 'TLSv1.2' | 'TLSv1.3'

export interface TlsPolicy {
  readonly clientCertificates: ClientCertificates
  readonly minVersion: MinimumVersion
}

/** Certificates ready for use: one that answers by default, others by name. */
export class SecureContexts {
  /** For whoever asks for no name, or for one that is not in here. */
  readonly defaults: SecureContextOptions
  readonly #byName = new Map<string, SecureContext>()

  /** Throws `invalid-argument`. */
  constructor(material: TlsMaterial, policy: TlsPolicy) {
    this.defaults = toContextOptions(material, material, policy)
    build('the certificate', this.defaults)
    for (const [name, certificate] of Object.entries(material.sni ?? {})) {
      if (!isServerName(name)) throw new TypeError(`sni.${name} is not like hub.example or *.example`)
      const context = build(`the certificate for ${name}`, toContextOptions(certificate, material, policy))
      this.#byName.set(name.toLowerCase(), context)
    }
  }

  /** By the name itself, or by what stands for its first level. */
  find(serverName: string): SecureContext | undefined {
    const name = serverName.toLowerCase()
    const dot = name.indexOf('.')
    return this.#byName.get(name) ?? (dot > 0 ? this.#byName.get(`*${name.slice(dot)}`) : undefined)
  }
}

function isServerName(name: string): boolean {
  return /^(\*\.)?[a-z0-9_-]+(\.[a-z0-9_-]+)*$/i.test(name)
}

function toContextOptions(
  { cert, key, passphrase }: TlsCertificate,
  { ca, crl }: TlsMaterial,
  { clientCertificates, minVersion }: TlsPolicy,
): SecureContextOptions {
  const asks = clientCertificates !== 'off'
  // Without a list of its own, OpenSSL would believe every authority that browsers know.
  if (asks && isNothing(ca)) {
    throw new ThingmeshError(
      'invalid-argument',
      `client certificates are ${clientCertificates}, and there is no authority (ca) to verify them`,
    )
  }
  return {
    cert: toPem(cert),
    key: toPem(key),
    passphrase,
    ...(asks && { ca: toPems(ca), ...(!isNothing(crl) && { crl: toPems(crl) }) }),
    minVersion,
    // Of a session that is resumed only the certificate's proof would be taken over, not weighed again: its end, its revocation, another authority.
    secureOptions: constants.SSL_OP_NO_RENEGOTIATION | (asks ? constants.SSL_OP_NO_TICKET : 0),
  }
}

/** Throws `invalid-argument`, with OpenSSL's reason and nothing of what it read. */
function build(what: string, options: SecureContextOptions): SecureContext {
  try {
    // What is empty or no certificate, Node would pass over.
    for (const pem of [options.cert, options.ca ?? []].flat()) new X509Certificate(pem as string | Buffer)
    if (isNothing(options.key as string | Buffer)) throw new Error('no key')
    return createSecureContext(options)
  } catch (error) {
    const { code = 'unknown error' } = error as NodeJS.ErrnoException
    throw new ThingmeshError('invalid-argument', `${what}, its key or its authorities cannot be used: ${code}`, {
      cause: error,
    })
  }
}

function isNothing(given: TlsMaterial['ca']): boolean {
  return given === undefined || given.length === 0
}

function toPem(pem: string | Uint8Array): string | Buffer {
  return typeof pem === 'string' ? pem : Buffer.from(pem)
}

function toPems(given: TlsMaterial['ca']): (string | Buffer)[] {
  if (given === undefined) return []
  return typeof given === 'string' || given instanceof Uint8Array ? [toPem(given)] : given.map(toPem)
}
