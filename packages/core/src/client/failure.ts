import { type ErrorCode, errorCodes, isThingmeshError, type Outcome, ThingmeshError } from '../errors/index.ts'

/** What the HTTP side may say no with, where the answer is not the hub's own: a proxy's, or somebody else's server. */
const codeByStatus: Readonly<Record<number, ErrorCode>> = {
  400: 'invalid-argument',
  401: 'unauthenticated',
  403: 'permission-denied',
  404: 'not-found',
  405: 'unsupported',
  408: 'timeout',
  409: 'conflict',
  411: 'invalid-argument',
  412: 'conflict',
  413: 'too-large',
  414: 'too-large',
  415: 'unsupported',
  422: 'invalid-argument',
  429: 'rate-limited',
  431: 'too-large',
  501: 'unsupported',
  502: 'unavailable',
  503: 'unavailable',
  504: 'timeout',
}

/** Reads a refusal off a response. A body that is not `{ error: { code, message } }` is not trusted for its text. */
export function errorFromResponse(status: number, body: string, retryAfter: string | null): ThingmeshError {
  const said = parseError(body)
  const code = said?.code ?? codeByStatus[status] ?? (status >= 500 ? 'unavailable' : 'internal')
  const seconds = retryAfter === null ? undefined : readRetryAfter(retryAfter)
  return new ThingmeshError(code, said?.message ?? `the server answered with status ${status}`, {
    outcome: status === 502 || status === 504 ? 'unknown' : 'rejected',
    details: { ...said?.details, status },
    ...(seconds === undefined ? {} : { retryAfterSeconds: seconds }),
  })
}

interface Said {
  readonly code: ErrorCode
  readonly message: string
  readonly details: Readonly<Record<string, string | number>>
}

function parseError(body: string): Said | undefined {
  try {
    return readError(JSON.parse(body))
  } catch {
    return undefined
  }
}

/** `{ error: { code, message, details } }`, as a hub writes it. */
export function readError(parsed: unknown): Said | undefined {
  const error = member(parsed, 'error')
  const code = member(error, 'code')
  const message = member(error, 'message')
  if (!isErrorCode(code) || typeof message !== 'string') return undefined
  const details: Record<string, string | number> = {}
  const given = member(error, 'details')
  if (typeof given === 'object' && given !== null) {
    for (const [name, value] of Object.entries(given)) {
      if (name !== '__proto__' && (typeof value === 'string' || typeof value === 'number')) details[name] = value
    }
  }
  return { code, message, details }
}

function member(value: unknown, name: string): unknown {
  return typeof value === 'object' && value !== null ? (value as Record<string, unknown>)[name] : undefined
}

function isErrorCode(value: unknown): value is ErrorCode {
  return (errorCodes as readonly unknown[]).includes(value)
}

/** RFC 9110, section 10.2.3: seconds, or a date. A date is the server's clock against ours, so an hour bounds it. */
function readRetryAfter(text: string): number | undefined {
  if (/^\d{1,9}$/.test(text)) return Number(text)
  const date = Date.parse(text)
  return Number.isNaN(date) ? undefined : Math.min(3600, Math.max(0, Math.ceil((date - Date.now()) / 1000)))
}

/**
 * What to make of a `fetch` that threw. A browser does not say how far it got, so the outcome is `unknown` there; Node
 * names the system call or the error that kept the connection from opening.
 */
export function errorFromFetch(cause: unknown): ThingmeshError {
  const outcome: Outcome = neverConnected(cause) ? 'not-sent' : 'unknown'
  const name = causeCode(cause)
  const text =
    outcome === 'not-sent' ? 'the connection could not be opened' : 'the connection broke before the answer was there'
  return new ThingmeshError('unavailable', name === undefined ? text : `${text} (${name})`, { cause, outcome })
}

const beforeConnected: ReadonlySet<unknown> = new Set([
  'ECONNREFUSED',
  'ENOTFOUND',
  'EAI_AGAIN',
  'EHOSTUNREACH',
  'ENETUNREACH',
  'UND_ERR_CONNECT_TIMEOUT',
  'CERT_HAS_EXPIRED',
  'DEPTH_ZERO_SELF_SIGNED_CERT',
  'SELF_SIGNED_CERT_IN_CHAIN',
  'UNABLE_TO_VERIFY_LEAF_SIGNATURE',
  'ERR_TLS_CERT_ALTNAME_INVALID',
])

function neverConnected(error: unknown): boolean {
  const cause = member(error, 'cause') ?? error
  const call = member(cause, 'syscall')
  return beforeConnected.has(member(cause, 'code')) || call === 'connect' || call === 'getaddrinfo'
}

function causeCode(error: unknown): string | undefined {
  const code = member(member(error, 'cause') ?? error, 'code')
  return typeof code === 'string' && /^[A-Z0-9_]{1,64}$/.test(code) ? code : undefined
}

/** What the arguments say wrong never left. */
export function notSent<Value>(parse: () => Value): Value {
  try {
    return parse()
  } catch (error) {
    if (!isThingmeshError(error)) throw error
    throw new ThingmeshError(error.code, error.message, { outcome: 'not-sent', details: error.details })
  }
}
