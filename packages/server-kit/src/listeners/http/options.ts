import { timerMsMax } from '@thingmesh/core'
import type { Dialect, TlsIdentity, Upgrade } from '../../contracts/index.ts'
import { checkOptions, type OptionRules, portRule, withDefaults } from '../../contracts/options.ts'
import type { Pages } from './pages.ts'

/** What a handler may be told, wherever it is mounted. */
export interface HttpHandlerOptions {
  /** Of one body. 262,144 by default. */
  readonly bodyBytesMax?: number
  /** Of all bodies that are in memory at once. 67,108,864 by default. */
  readonly bodiesBytesMax?: number
  /** Messages in one batch. 1,000 by default. */
  readonly batchMessagesMax?: number
  /** Measurements in one answer in SenML. 10,000 by default. */
  readonly measurementsMax?: number
  /** Where the handler is mounted, `/iot`; `''` by default. */
  readonly basePath?: string
  /** Origins whose scripts may read our answers, or `*`. None by default. */
  readonly corsOrigins?: readonly string[]
  /**
   * Take the caller's address from the last entry of X-Forwarded-For. Only where a proxy that appends to that header
   * is the one way in: anybody else could claim to be anybody. False by default.
   */
  readonly trustProxy?: boolean
  /** Sessions kept open between two requests of the same credential and address. 1,000 by default. */
  readonly sessionsMax?: number
  /** How long they are kept without a request. 60,000 by default. */
  readonly sessionIdleMs?: number
  /** Event streams open at once. 1,000 by default. */
  readonly streamsMax?: number
  /** How often a stream that has nothing to say shows that it lives. 15,000 by default. */
  readonly heartbeatMs?: number
  /** How long a token may still be good for that comes in the query of an event stream. 3,600 by default; 0 for none. */
  readonly queryTokenSecondsMax?: number
  /** Files of a site of the program's own, by path, beside the API; none by default. `readPages` reads them from a directory. */
  readonly pages?: Pages
  /** Other message paths than our own, and what they stand for; none by default. The first that claims a path reads it. */
  readonly dialects?: readonly Dialect[]
}

export interface HttpListenerOptions extends HttpHandlerOptions {
  /** `127.0.0.1` by default: nobody but this machine. */
  readonly host?: string
  /** 8080 by default, with TLS 8443; 0 for any that is free. */
  readonly port?: number
  /** HTTPS, and nothing else on this port. */
  readonly tls?: TlsIdentity
  /** What a peer may have sent until TLS's handshake is done. 65,536 by default. */
  readonly handshakeBytesMax?: number
  /** WebSockets on this port: `webSockets({ … })`. None by default, and who asks for one is answered as if he had not. */
  readonly upgrade?: Upgrade
  /** Of all header fields of a request together. 8,192 by default. */
  readonly headerBytesMax?: number
  /** Header fields of a request. 64 by default. */
  readonly headersMax?: number
  /** For a request to arrive whole, and for TLS's handshake. 10,000 by default. */
  readonly requestTimeoutMs?: number
  /** For a connection on which nothing moves: a reader that does not read, a wait. 60,000 by default. */
  readonly idleTimeoutMs?: number
  /** For a connection between two requests. 65,000 by default, more than what proxies in front have. */
  readonly keepAliveTimeoutMs?: number
  /** 100,000 by default. */
  readonly connectionsMax?: number
  /** 10,000 by default. */
  readonly connectionsPerAddressMax?: number
  /** Requests of one connection that are not answered yet (pipelining). 64 by default. */
  readonly requestsPerConnectionMax?: number
  /** For what is under way when the listener stops. 10,000 by default. */
  readonly stopTimeoutMs?: number
}

export type ResolvedHandlerOptions = Required<HttpHandlerOptions>
export type ResolvedListenerOptions = Required<Omit<HttpListenerOptions, 'tls' | 'upgrade'>> &
  Pick<HttpListenerOptions, 'tls' | 'upgrade'>

const defaultHandlerOptions: ResolvedHandlerOptions = {
  bodyBytesMax: 262_144,
  bodiesBytesMax: 67_108_864,
  batchMessagesMax: 1_000,
  measurementsMax: 10_000,
  basePath: '',
  corsOrigins: [],
  trustProxy: false,
  sessionsMax: 1_000,
  sessionIdleMs: 60_000,
  streamsMax: 1_000,
  heartbeatMs: 15_000,
  queryTokenSecondsMax: 3_600,
  pages: {},
  dialects: [],
}

const defaultListenerOptions: Omit<ResolvedListenerOptions, 'port' | 'tls' | 'upgrade'> = {
  ...defaultHandlerOptions,
  host: '127.0.0.1',
  handshakeBytesMax: 65_536,
  headerBytesMax: 8_192,
  headersMax: 64,
  requestTimeoutMs: 10_000,
  idleTimeoutMs: 60_000,
  keepAliveTimeoutMs: 65_000,
  connectionsMax: 100_000,
  connectionsPerAddressMax: 10_000,
  requestsPerConnectionMax: 64,
  stopTimeoutMs: 10_000,
}

/** Where 0 is no limit but nothing at all, and where it is at once. */
const handlerRules: OptionRules<HttpHandlerOptions> = {
  batchMessagesMax: [1_000, 1],
  sessionIdleMs: [60_000, 0, timerMsMax],
}

const listenerRules: OptionRules<HttpListenerOptions> = {
  ...handlerRules,
  port: portRule,
  headerBytesMax: [8_192, 1],
  headersMax: [64, 1],
  connectionsMax: [100_000, 1],
  connectionsPerAddressMax: [10_000, 1],
  requestsPerConnectionMax: [64, 1],
  stopTimeoutMs: [10_000, 0, timerMsMax],
}

export function resolveHandlerOptions(options: HttpHandlerOptions): ResolvedHandlerOptions {
  checkOptions('httpHandler', options, defaultHandlerOptions, handlerRules)
  return checkedPath(withDefaults(defaultHandlerOptions, options))
}

function checkedPath<Resolved extends ResolvedHandlerOptions>(resolved: Resolved): Resolved {
  if (!/^(\/[A-Za-z0-9._~-]+)*$/.test(resolved.basePath)) throw new TypeError('basePath is not like /a/b')
  return resolved
}

/** Throws `TypeError` for what is no option, or has a value that makes no sense. */
export function resolveListenerOptions(options: HttpListenerOptions): ResolvedListenerOptions {
  const port = options.tls === undefined ? 8080 : 8443
  checkOptions('httpListener', options, { tls: true, upgrade: true, port, ...defaultListenerOptions }, listenerRules)
  return checkedPath(withDefaults<ResolvedListenerOptions>({ ...defaultListenerOptions, port }, options))
}
