import {
  type ClientCertificates,
  clientCertificateModes,
  type TlsIdentity,
  type TlsTerminatorOptions,
} from '../contracts/index.ts'
import { checkOptions } from '../contracts/options.ts'
import type { TlsMaterial } from './material.ts'
import { type MinimumVersion, SecureContexts } from './secure-contexts.ts'
import { Terminator } from './terminator.ts'

export interface TlsIdentityOptions extends TlsMaterial {
  /** `off` by default. The others need `ca`. */
  readonly clientCertificates?: ClientCertificates | undefined
  /** `TLSv1.2` by default. */
  readonly minVersion?: MinimumVersion | undefined
}

export interface ReloadableTlsIdentity extends TlsIdentity {
  /**
   * Takes the place of what it was made with, all of it: connections that are open stay as they are, new ones meet this. Throws
   * `invalid-argument`, and then all is as before.
   */
  reload(material: TlsMaterial): void
}

/** One identity may serve several listeners. Throws `invalid-argument` for what is no certificate, or no key that fits it. */
export function tlsIdentity(options: TlsIdentityOptions): ReloadableTlsIdentity {
  checkOptions('tlsIdentity', options, {
    cert: true,
    key: true,
    passphrase: true,
    ca: true,
    crl: true,
    sni: true,
    clientCertificates: true,
    minVersion: true,
  })
  const { clientCertificates = 'off', minVersion = 'TLSv1.2' } = options
  if (!clientCertificateModes.includes(clientCertificates)) {
    throw new TypeError(`clientCertificates is one of ${clientCertificateModes.join(', ')}`)
  }
  if (minVersion !== 'TLSv1.2' && minVersion !== 'TLSv1.3') throw new TypeError('minVersion is TLSv1.2 or TLSv1.3')
  const policy = { clientCertificates, minVersion }
  let contexts = new SecureContexts(options, policy)
  const terminators = new Set<Terminator>()
  return {
    clientCertificates,
    terminator(of: TlsTerminatorOptions) {
      const terminator = new Terminator(of, clientCertificates, contexts, () => terminators.delete(terminator))
      terminators.add(terminator)
      return terminator
    },
    reload(material) {
      contexts = new SecureContexts(material, policy)
      for (const terminator of terminators) terminator.use(contexts)
    },
  }
}
