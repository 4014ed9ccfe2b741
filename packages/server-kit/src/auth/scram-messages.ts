/** What SCRAM's client says (RFC 5802, section 7), parsed; `undefined` for what is no such message, or asks for what is not offered. */
export interface ClientFirst {
  /** The GS2 header, which the client repeats in the end. */
  readonly header: string
  readonly bare: string
  readonly name: string
  readonly nonce: string
}

export interface ClientFinal {
  readonly withoutProof: string
  /** The GS2 header, with channel binding data where there are any: we take none. */
  readonly binding: string
  readonly nonce: string
  /** 32 bytes. */
  readonly proof: Uint8Array
}

const proofBytes = 32
/** Printable, without the comma. */
const nonceForm = /^[\x21-\x2b\x2d-\x7e]+$/
/** `=2C` stands for a comma, `=3D` for an equals sign, and an equals sign for nothing else. */
const nameForm = /^(?:[^=\0]|=2C|=3D)+$/
/** An extension that is not mandatory: it may be left unheeded. */
const extensionForm = /^[A-Za-z]=/

/**
 * `n,,n=NAME,r=NONCE`. `y` instead of `n`, the client's belief that we offer no channel binding, is right. `p=…` demands
 * it, and cannot be had. An authorization identity (`a=`) may only repeat the name: nobody acts for somebody else here.
 */
export function parseClientFirst(data: Uint8Array): ClientFirst | undefined {
  const parts = split(data)
  const [flag, authorization, name, nonce, ...extensions] = parts
  if ((flag !== 'n' && flag !== 'y') || authorization === undefined) return undefined
  const asName = attribute('n', name)
  const asNonce = attribute('r', nonce)
  // What is mandatory and unknown stands before the name (`m=`), and is refused with it.
  if (asName === undefined || !nameForm.test(asName) || asNonce === undefined || !nonceForm.test(asNonce))
    return undefined
  if (authorization !== '' && attribute('a', authorization) !== asName) return undefined
  if (!extensions.every(extension => extensionForm.test(extension))) return undefined
  return {
    header: `${flag},${authorization},`,
    bare: parts.slice(2).join(','),
    // No SASLprep: names of things are compared as they are.
    name: asName.replaceAll('=2C', ',').replaceAll('=3D', '='),
    nonce: asNonce,
  }
}

/** `c=BINDING,r=NONCE,p=PROOF`, with extensions before the proof. */
export function parseClientFinal(data: Uint8Array): ClientFinal | undefined {
  const parts = split(data)
  const binding = fromBase64(attribute('c', parts[0]))
  const nonce = attribute('r', parts[1])
  const proof = fromBase64(attribute('p', parts.at(-1)))
  const extensions = parts.slice(2, -1)
  if (binding === undefined || nonce === undefined || proof?.length !== proofBytes || parts.length < 3) return undefined
  if (!extensions.every(extension => extensionForm.test(extension))) return undefined
  return { withoutProof: parts.slice(0, -1).join(','), binding: binding.toString('utf8'), nonce, proof }
}

function split(data: Uint8Array): readonly string[] {
  try {
    return new TextDecoder('utf-8', { fatal: true, ignoreBOM: true }).decode(data).split(',')
  } catch {
    return []
  }
}

function attribute(name: string, text: string | undefined): string | undefined {
  return text?.startsWith(`${name}=`) === true ? text.slice(2) : undefined
}

/** Strict: the one encoding of the bytes. */
function fromBase64(text: string | undefined): Buffer | undefined {
  if (text === undefined) return undefined
  const bytes = Buffer.from(text, 'base64')
  return bytes.toString('base64') === text ? bytes : undefined
}
