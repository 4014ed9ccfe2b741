import type { Dialect, TlsIdentity, Upgrade } from '../../contracts/index.ts'
import { checkOptions } from '../../contracts/options.ts'
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

export function resolveHandlerOptions(options: HttpHandlerOptions): ResolvedHandlerOptions {
  const resolved = {
    bodyBytesMax: options.bodyBytesMax ?? 262_144,
    bodiesBytesMax: options.bodiesBytesMax ?? 67_108_864,
    batchMessagesMax: options.batchMessagesMax ?? 1_000,
    measurementsMax: options.measurementsMax ?? 10_000,
    basePath: options.basePath ?? '',
    corsOrigins: options.corsOrigins ?? [],
    trustProxy: options.trustProxy ?? false,
    sessionsMax: options.sessionsMax ?? 1_000,
    sessionIdleMs: options.sessionIdleMs ?? 60_000,
    streamsMax: options.streamsMax ?? 1_000,
    heartbeatMs: options.heartbeatMs ?? 15_000,
    queryTokenSecondsMax: options.queryTokenSecondsMax ?? 3_600,
    pages: options.pages ?? {},
    dialects: options.dialects ?? [],
  }
  if (!/^(\/[A-Za-z0-9._~-]+)*$/.test(resolved.basePath)) throw new TypeError('basePath is not like /a/b')
  return resolved
}

/** Throws `TypeError` for what is no option. */
export function resolveListenerOptions(options: HttpListenerOptions): ResolvedListenerOptions {
  const resolved = {
    ...resolveHandlerOptions(options),
    host: options.host ?? '127.0.0.1',
    port: options.port ?? (options.tls === undefined ? 8080 : 8443),
    ...(options.tls !== undefined && { tls: options.tls }),
    ...(options.upgrade !== undefined && { upgrade: options.upgrade }),
    handshakeBytesMax: options.handshakeBytesMax ?? 65_536,
    headerBytesMax: options.headerBytesMax ?? 8_192,
    headersMax: options.headersMax ?? 64,
    requestTimeoutMs: options.requestTimeoutMs ?? 10_000,
    idleTimeoutMs: options.idleTimeoutMs ?? 60_000,
    keepAliveTimeoutMs: options.keepAliveTimeoutMs ?? 65_000,
    connectionsMax: options.connectionsMax ?? 100_000,
    connectionsPerAddressMax: options.connectionsPerAddressMax ?? 10_000,
    requestsPerConnectionMax: options.requestsPerConnectionMax ?? 64,
    stopTimeoutMs: options.stopTimeoutMs ?? 10_000,
  }
  checkOptions('httpListener', options, { tls: true, upgrade: true, ...resolved })
  return resolved
}
