import type { X509Certificate } from 'node:crypto'
import type { PeerCertificate } from '../contracts/index.ts'
import { subjectAlternativeNames } from './subject-alternative-names.ts'

/** Of a certificate that was verified. */
export function toPeerCertificate(certificate: X509Certificate): PeerCertificate {
  return {
    ...subjectAlternativeNames(certificate.raw),
    expiresAtMs: certificate.validToDate.getTime(),
    fingerprint: certificate.fingerprint256.replaceAll(':', '').toLowerCase(),
  }
}
