import { type ErrorCode, type MessageProperties, type OutgoingDraft, ThingmeshError } from '@thingmesh/core'
import {
  type CoapOption,
  Code,
  codeText,
  findUint,
  fromContentFormat,
  OptionNumber,
  stringOption,
  toContentFormat,
  toMessagePath,
  uintOption,
} from '@thingmesh/core/coap'

export interface CoapWho {
  readonly thing: string | undefined
  readonly key: string
}

/** What an answer says, whoever decoded it. */
export interface Answer {
  readonly code: number
  readonly options: readonly CoapOption[]
  readonly payload: Uint8Array
}

/** A resource, and who asks for it. */
export function toTarget(path: readonly string[], { thing, key }: CoapWho): CoapOption[] {
  const query = thing === undefined ? [`auth=${key}`] : [`u=${thing}`, `p=${key}`]
  return [
    ...path.map(segment => stringOption(OptionNumber.uriPath, segment)),
    ...query.map(part => stringOption(OptionNumber.uriQuery, part)),
  ]
}

/** Where the messages of a topic or filter are. */
export function toAddress(topic: string, who: CoapWho): CoapOption[] {
  return toTarget(toMessagePath(topic), who)
}

/** Throws `unsupported` for what CoAP has no place for: a message is not sent as another one than it is. */
export function toPublishOptions(draft: OutgoingDraft): CoapOption[] {
  const { contentType, properties, key } = draft
  if (properties?.replyTo !== undefined || properties?.correlation !== undefined || properties?.headers !== undefined) {
    throw new ThingmeshError('unsupported', 'coap has no place for replies and headers', { outcome: 'not-sent' })
  }
  const format = toContentFormat(contentType)
  if (contentType !== '' && format === undefined) {
    throw new ThingmeshError('unsupported', 'coap has no number for this content type', { outcome: 'not-sent' })
  }
  const { expiresInSeconds } = properties ?? {}
  return [
    ...(format === undefined ? [] : [uintOption(OptionNumber.contentFormat, format)]),
    ...(expiresInSeconds === undefined ? [] : [uintOption(OptionNumber.maxAge, expiresInSeconds)]),
    ...(key === undefined ? [] : [stringOption(OptionNumber.uriQuery, `idempotency-key=${key}`)]),
  ]
}

/** The content type, and what else the options of an answer say of a message. */
export function readFacts(options: readonly CoapOption[]): {
  readonly contentType: string
  readonly properties?: MessageProperties
} {
  const format = findUint(options, OptionNumber.contentFormat)
  const expiresInSeconds = findUint(options, OptionNumber.maxAge)
  return {
    contentType: format === undefined ? '' : (fromContentFormat(format) ?? ''),
    ...(expiresInSeconds === undefined ? {} : { properties: { expiresInSeconds } }),
  }
}

const codes: Readonly<Record<number, ErrorCode>> = {
  [Code.badRequest]: 'invalid-argument',
  [Code.unauthorized]: 'unauthenticated',
  [Code.badOption]: 'unsupported',
  [Code.forbidden]: 'permission-denied',
  [Code.notFound]: 'not-found',
  [Code.methodNotAllowed]: 'unsupported',
  [Code.notAcceptable]: 'unsupported',
  [Code.requestEntityIncomplete]: 'unavailable',
  [Code.conflict]: 'conflict',
  [Code.requestEntityTooLarge]: 'too-large',
  [Code.unsupportedContentFormat]: 'unsupported',
  [Code.unprocessableEntity]: 'invalid-argument',
  [Code.tooManyRequests]: 'rate-limited',
  [Code.notImplemented]: 'unsupported',
  [Code.badGateway]: 'unavailable',
  [Code.serviceUnavailable]: 'unavailable',
  [Code.gatewayTimeout]: 'timeout',
  [Code.proxyingNotSupported]: 'unsupported',
}

/** In the hub's words where it gave any: the payload of an error is its text (RFC 7252, section 5.5.2). */
export function errorFromAnswer({ code, options, payload }: Answer): ThingmeshError {
  const said = new TextDecoder().decode(payload)
  const maxAge = findUint(options, OptionNumber.maxAge)
  const isPassing = code === Code.serviceUnavailable || code === Code.tooManyRequests
  return new ThingmeshError(codes[code] ?? 'internal', said === '' ? `the hub answered with ${codeText(code)}` : said, {
    outcome: 'rejected',
    details: { code: codeText(code) },
    ...(isPassing && maxAge !== undefined ? { retryAfterSeconds: maxAge } : {}),
  })
}

export function isRefusal({ code }: Pick<Answer, 'code'>): boolean {
  return code >= 0x80
}
