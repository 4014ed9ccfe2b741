/** The IANA registry "CoAP Content-Formats" that RFC 7252, section 12.3, made, as far as things and their applications use it. */
const registry: readonly (readonly [format: number, contentType: string])[] = [
  [0, 'text/plain;charset=utf-8'],
  [16, 'application/cose;cose-type="cose-encrypt0"'],
  [17, 'application/cose;cose-type="cose-mac0"'],
  [18, 'application/cose;cose-type="cose-sign1"'],
  [19, 'application/ace+cbor'],
  [21, 'image/gif'],
  [22, 'image/jpeg'],
  [23, 'image/png'],
  [40, 'application/link-format'],
  [41, 'application/xml'],
  [42, 'application/octet-stream'],
  [47, 'application/exi'],
  [50, 'application/json'],
  [51, 'application/json-patch+json'],
  [52, 'application/merge-patch+json'],
  [60, 'application/cbor'],
  [61, 'application/cwt'],
  [62, 'application/multipart-core'],
  [63, 'application/cbor-seq'],
  [96, 'application/cose;cose-type="cose-encrypt"'],
  [97, 'application/cose;cose-type="cose-mac"'],
  [98, 'application/cose;cose-type="cose-sign"'],
  [101, 'application/cose-key'],
  [102, 'application/cose-key-set'],
  [110, 'application/senml+json'],
  [111, 'application/sensml+json'],
  [112, 'application/senml+cbor'],
  [113, 'application/sensml+cbor'],
  [114, 'application/senml-exi'],
  [115, 'application/sensml-exi'],
  [256, 'application/coap-group+json'],
  [271, 'application/dots+cbor'],
  [280, 'application/pkcs7-mime;smime-type=server-generated-key'],
  [281, 'application/pkcs7-mime;smime-type=certs-only'],
  [284, 'application/pkcs8'],
  [285, 'application/csrattrs'],
  [286, 'application/pkcs10'],
  [287, 'application/pkix-cert'],
  [310, 'application/senml+xml'],
  [311, 'application/sensml+xml'],
  [320, 'application/senml-etch+json'],
  [322, 'application/senml-etch+cbor'],
  [432, 'application/td+json'],
  [10000, 'application/vnd.ocf+cbor'],
  [11542, 'application/vnd.oma.lwm2m+tlv'],
  [11543, 'application/vnd.oma.lwm2m+json'],
  [11544, 'application/vnd.oma.lwm2m+cbor'],
]

export const ContentFormat = {
  text: 0,
  linkFormat: 40,
  xml: 41,
  octetStream: 42,
  json: 50,
  cbor: 60,
  senmlJson: 110,
  senmlCbor: 112,
} as const

const byFormat: ReadonlyMap<number, string> = new Map(registry)
const byType: ReadonlyMap<string, number> = new Map([
  ...registry.map(([format, contentType]): [string, number] => [contentType, format]),
  // What everybody writes who means it.
  ['text/plain', ContentFormat.text],
])

/** The media type that a Content-Format stands for; `undefined` where the registry has none. */
export function fromContentFormat(format: number): string | undefined {
  return byFormat.get(format)
}

/**
 * The Content-Format of a media type, whatever its case and spaces; `undefined` where it has none, and for `''`. A charset
 * of UTF-8 changes nothing where the type is UTF-8 anyway.
 */
export function toContentFormat(contentType: string): number | undefined {
  const exact = byType.get(contentType)
  if (exact !== undefined || contentType === '') return exact
  const [type, ...parameters] = contentType.toLowerCase().split(';')
  const plain = type!.trim()
  const rest = parameters.map(parameter => parameter.trim()).filter(parameter => parameter !== '')
  const isUtf8 = (parameter: string) => parameter === 'charset=utf-8' || parameter === 'charset="utf-8"'
  return byType.get([plain, ...rest].join(';')) ?? (rest.every(isUtf8) ? byType.get(plain) : undefined)
}
