import { X509Certificate } from 'node:crypto'
import { createSecureContext } from 'node:tls'

/** For a secure connection. Absent: the certificates that Node trusts, and no certificate of our own. */
export interface TlsOptions {
  /** Certificates to trust in place of Node's own, PEM. */
  readonly ca?: string | Buffer | readonly (string | Buffer)[] | undefined
  /** Our own certificate and its key, PEM. */
  readonly cert?: string | Buffer | undefined
  readonly certKey?: string | Buffer | undefined
  /** The protocols to offer (RFC 7301), `['mqtt']` for one. */
  readonly alpn?: readonly string[] | undefined
  /** The name that the hub's certificate has to be for, where it is not the url's. */
  readonly serverName?: string | undefined
}

interface NodeTlsOptions {
  ca?: string
  cert?: string | Buffer
  key?: string | Buffer
  ALPNProtocols?: string[]
  servername?: string
}

/**
 * Throws `TypeError` for what is no certificate, no key, or not the certificate's key. Node takes no notice of an authority that is none,
 * and then trusts nobody.
 */
export function checkTls(tls: TlsOptions): void {
  const { ca, cert, certKey } = tls
  for (const text of [ca ?? []].flat()) checked('tls.ca is no certificate', () => new X509Certificate(text))
  if (cert === undefined && certKey === undefined) return
  checked('tls.cert and tls.certKey are no certificate and its key', () => createSecureContext(toNodeTls(tls)))
}

function checked(what: string, use: () => unknown): void {
  try {
    use()
  } catch (cause) {
    throw new TypeError(`${what}, as PEM: ${(cause as Error).message}`, { cause })
  }
}

/** The same in Node's words. */
export function toNodeTls({ ca, cert, certKey, alpn, serverName }: TlsOptions): NodeTlsOptions {
  return {
    // Node takes a list as well; its types for that differ from one module to the next.
    ...(ca === undefined ? {} : { ca: ca as string }),
    ...(cert === undefined ? {} : { cert }),
    ...(certKey === undefined ? {} : { key: certKey }),
    ...(alpn === undefined ? {} : { ALPNProtocols: [...alpn] }),
    ...(serverName === undefined ? {} : { servername: serverName }),
  }
}
