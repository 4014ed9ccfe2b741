/** All in PEM. */
export interface TlsCertificate {
  /** The certificate, followed by what leads from it to an authority that clients know. */
  readonly cert: string | Uint8Array
  readonly key: string | Uint8Array
  /** Where the key is encrypted. */
  readonly passphrase?: string | undefined
}

/** What can be changed while listeners use it. */
export interface TlsMaterial extends TlsCertificate {
  /** The authorities whose client certificates are believed: theirs alone, not those that this machine knows of. */
  readonly ca?: string | Uint8Array | readonly (string | Uint8Array)[] | undefined
  /** Revocation lists of these authorities; with one, each authority of a chain must have one that is not out of date. */
  readonly crl?: string | Uint8Array | readonly (string | Uint8Array)[] | undefined
  /** Other certificates, by the name that the client asks for: `hub.example`, or `*.example` for one level in its place. */
  readonly sni?: Readonly<Record<string, TlsCertificate>> | undefined
}
