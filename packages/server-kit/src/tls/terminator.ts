import type { Socket } from 'node:net'
import { createServer, type Server, type TLSSocket } from 'node:tls'
import type { ClientCertificates, HandshakeFailure, TlsTerminator, TlsTerminatorOptions } from '../contracts/index.ts'
import { toPeerCertificate } from './peer-certificate.ts'
import type { SecureContexts } from './secure-contexts.ts'

const tickMs = 250

interface Handshake {
  readonly socket: Socket
  readonly sinceMs: number
  /** Counted if it closes before it is done. */
  failure: HandshakeFailure
}

/** Node's TLS server, which listens to nothing and is handed its connections. */
export class Terminator implements TlsTerminator {
  readonly #options: TlsTerminatorOptions
  readonly #clientCertificates: ClientCertificates
  readonly #server: Server
  readonly #onClosed: () => void
  /** Under way, by the addresses at both ends: the one thing that a connection and its TLS socket both tell. */
  readonly #handshakes = new Map<string, Handshake>()
  readonly #ticker: NodeJS.Timeout
  #contexts: SecureContexts

  constructor(
    options: TlsTerminatorOptions,
    clientCertificates: ClientCertificates,
    contexts: SecureContexts,
    onClosed: () => void,
  ) {
    this.#options = options
    this.#clientCertificates = clientCertificates
    this.#onClosed = onClosed
    this.#contexts = contexts
    this.#server = createServer({
      ...contexts.defaults,
      ALPNProtocols: [...options.protocols],
      handshakeTimeout: options.handshakeTimeoutMs,
      requestCert: clientCertificates !== 'off',
      rejectUnauthorized: false,
      SNICallback: (name, answer) => answer(null, this.#contexts.find(name)),
    })
    this.#server.on('secureConnection', socket => this.#secured(socket))
    this.#server.on('tlsClientError', (error, socket) => this.#failed(error, socket))
    this.#ticker = setInterval(() => this.#tick(), tickMs).unref()
  }

  accept(socket: Socket): void {
    // What goes wrong with it, its TLS socket reports.
    socket.on('error', () => undefined)
    const key = endsOf(socket)
    if (key === undefined) {
      socket.destroy()
      return
    }
    const handshake: Handshake = { socket, sinceMs: performance.now(), failure: 'handshake' }
    this.#handshakes.set(key, handshake)
    socket.once('close', () => {
      if (this.#handshakes.get(key) !== handshake) return
      this.#handshakes.delete(key)
      this.#options.onFailed(handshake.failure)
    })
    this.#server.emit('connection', socket)
  }

  /** From the next connection on. */
  use(contexts: SecureContexts): void {
    this.#contexts = contexts
    this.#server.setSecureContext(contexts.defaults)
  }

  close(): void {
    clearInterval(this.#ticker)
    const handshakes = [...this.#handshakes.values()]
    this.#handshakes.clear()
    for (const { socket } of handshakes) socket.destroy()
    this.#onClosed()
  }

  #secured(secured: TLSSocket): void {
    const handshake = this.#find(secured)
    if (handshake === undefined) {
      secured.destroy()
      return
    }
    const certificate = secured.getPeerX509Certificate()
    const failure = this.#judge(handshake, certificate !== undefined, secured.authorized)
    if (failure !== undefined) {
      handshake.failure = failure
      secured.destroy()
      return
    }
    this.#handshakes.delete(endsOf(secured)!)
    this.#options.onSecured(secured, {
      sinceMs: handshake.sinceMs,
      certificate: certificate === undefined ? undefined : toPeerCertificate(certificate),
    })
  }

  /** Here and not by Node's `rejectUnauthorized`, which would let a certificate pass where they are optional, and tells nobody why it closes. */
  #judge({ socket }: Handshake, isShown: boolean, isVerified: boolean): HandshakeFailure | undefined {
    if (socket.bytesRead > this.#options.handshakeBytesMax) return 'handshake-bytes'
    const isMissing = !isShown && this.#clientCertificates === 'required'
    return isMissing || (isShown && !isVerified) ? 'certificate' : undefined
  }

  /** Nothing has to be said to a peer whose handshake failed: OpenSSL has sent its alert. */
  #failed({ code = '' }: NodeJS.ErrnoException, socket: TLSSocket): void {
    const handshake = this.#find(socket)
    if (handshake !== undefined) handshake.failure = failures[code] ?? 'handshake'
    socket.destroy()
    handshake?.socket.destroy()
  }

  #find(socket: TLSSocket): Handshake | undefined {
    const key = endsOf(socket)
    return key === undefined ? undefined : this.#handshakes.get(key)
  }

  /** What OpenSSL bounds by message (128 KiB of hello, 100 KiB of certificates), bounded together and before it is complete. */
  #tick(): void {
    for (const handshake of this.#handshakes.values()) {
      if (handshake.socket.bytesRead <= this.#options.handshakeBytesMax) continue
      handshake.failure = 'handshake-bytes'
      handshake.socket.destroy()
    }
  }
}

const failures: Readonly<Record<string, HandshakeFailure | undefined>> = {
  ERR_TLS_HANDSHAKE_TIMEOUT: 'handshake-timeout',
  ERR_SSL_WRONG_VERSION_NUMBER: 'not-tls',
  ERR_SSL_HTTP_REQUEST: 'not-tls',
  ERR_SSL_HTTPS_PROXY_REQUEST: 'not-tls',
  ERR_SSL_PACKET_LENGTH_TOO_LONG: 'not-tls',
  ERR_SSL_UNSUPPORTED_PROTOCOL: 'tls-version',
  ERR_SSL_UNKNOWN_PROTOCOL: 'tls-version',
  ERR_SSL_VERSION_TOO_LOW: 'tls-version',
  ERR_SSL_NO_APPLICATION_PROTOCOL: 'alpn',
  ERR_SSL_EXCESSIVE_MESSAGE_SIZE: 'handshake-bytes',
}

function endsOf({ remoteAddress, remotePort, localAddress, localPort }: Socket): string | undefined {
  return remoteAddress === undefined ? undefined : `${remoteAddress} ${remotePort} ${localAddress} ${localPort}`
}
