import { DerReader } from './der.ts'

export interface SubjectAlternativeNames {
  readonly uris: readonly string[]
  readonly dnsNames: readonly string[]
}

const sequence = 0x30
const boolean = 0x01
const objectIdentifier = 0x06
const octetString = 0x04
/** Of TBSCertificate (RFC 5280, section 4.1): `[3]`, explicit. */
const extensions = 0xa3
/** Of GeneralName (section 4.2.1.6): `[2]` and `[6]`, both IA5String. */
const dnsName = 0x82
const uniformResourceIdentifier = 0x86
/** 2.5.29.17 */
const subjectAltName = '551d11'

const none: SubjectAlternativeNames = { uris: [], dnsNames: [] }

/**
 * The names that a certificate (DER, verified) is about, from its bytes. From Node's text form they could not be told apart from a name that contains
 * `, DNS:`, nor one with NUL from one that ends there (CVE-2021-44532, CVE-2009-2408). All or nothing: a certificate with one name that is not printable
 * ASCII, or with the extension twice, has none.
 */
export function subjectAlternativeNames(certificate: Uint8Array): SubjectAlternativeNames {
  try {
    return readNames(certificate)
  } catch (error) {
    if (error instanceof RangeError) return none
    throw error
  }
}

function readNames(certificate: Uint8Array): SubjectAlternativeNames {
  const found = extensionsOf(certificate).filter(({ id }) => id === subjectAltName)
  if (found.length !== 1) return none
  const uris: string[] = []
  const dnsNames: string[] = []
  const names = within(found[0]!.value)
  while (!names.isAtEnd) {
    const { tag, contents } = names.next()
    if (tag === uniformResourceIdentifier) uris.push(toText(contents))
    else if (tag === dnsName) dnsNames.push(toText(contents))
  }
  return { uris, dnsNames }
}

function extensionsOf(certificate: Uint8Array): { readonly id: string; readonly value: Uint8Array }[] {
  const toBeSigned = new DerReader(within(certificate).take(sequence))
  const found: { id: string; value: Uint8Array }[] = []
  while (!toBeSigned.isAtEnd) {
    const { tag, contents } = toBeSigned.next()
    if (tag !== extensions) continue
    const list = within(contents)
    while (!list.isAtEnd) {
      const extension = new DerReader(list.take(sequence))
      const id = Buffer.from(extension.take(objectIdentifier)).toString('hex')
      let value = extension.next()
      if (value.tag === boolean) value = extension.next()
      if (value.tag !== octetString) throw new RangeError('an extension that is no octet string')
      found.push({ id, value: value.contents })
    }
  }
  return found
}

/** Into a sequence that fills the bytes. */
function within(bytes: Uint8Array): DerReader {
  const reader = new DerReader(bytes)
  const contents = reader.take(sequence)
  if (!reader.isAtEnd) throw new RangeError('something behind a sequence')
  return new DerReader(contents)
}

function toText(ia5: Uint8Array): string {
  if (ia5.length === 0 || ia5.some(byte => byte <= 0x20 || byte >= 0x7f))
    throw new RangeError('a name that is not printable ASCII')
  return Buffer.from(ia5).toString('latin1')
}
