import type { Socket } from 'node:net'
import type { TLSSocket } from 'node:tls'
import type { PeerCertificate } from './authenticate.ts'

/** Whether peers are asked for a certificate. One that is shown and does not verify is refused, be it optional or not. */
export const clientCertificateModes = ['off', 'optional', 'required'] as const
export type ClientCertificates = (typeof clientCertificateModes)[number]

/** Who listeners are towards TLS clients: a certificate, its key, and the authorities that they believe. Made by `tlsIdentity`. */
export interface TlsIdentity {
  readonly clientCertificates: ClientCertificates
  /** One for each start of a listener. */
  terminator(options: TlsTerminatorOptions): TlsTerminator
}

/** Does the handshakes of one listener, each under the identity as it is when the connection comes. */
export interface TlsTerminator {
  /** Of a connection within the listener's limits, on which nothing was read. It is destroyed where the handshake fails. */
  accept(socket: Socket): void
  /** Ends the handshakes that are under way. */
  close(): void
}

export interface TlsTerminatorOptions {
  /** ALPN (RFC 7301): a client that offers protocols must offer one of these; one that offers none is let through. */
  readonly protocols: readonly string[]
  readonly handshakeTimeoutMs: number
  /** What a peer may have sent until the handshake is done. */
  readonly handshakeBytesMax: number
  /** `sinceMs` is when `accept` was called, monotonic; the certificate was verified. */
  readonly onSecured: (
    socket: TLSSocket,
    peer: { readonly sinceMs: number; readonly certificate: PeerCertificate | undefined },
  ) => void
  readonly onFailed: (reason: HandshakeFailure) => void
}

/** What handshakes fail for, as metrics label it. `not-tls`: the peer spoke something else. `handshake`: anything not named here. */
export const handshakeFailures = [
  'handshake-timeout',
  'handshake-bytes',
  'not-tls',
  'tls-version',
  'alpn',
  'certificate',
  'handshake',
] as const
export type HandshakeFailure = (typeof handshakeFailures)[number]
