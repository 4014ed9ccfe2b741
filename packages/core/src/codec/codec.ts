/** Turns values into payloads and back, for the content types that it names. */
export interface Codec<T = unknown> {
  /** Media types without parameters, in lower case; the first is the one to send. */
  readonly contentTypes: readonly string[]
  /** Throws `invalid-argument` where the format cannot carry the value, or `decode` would refuse it. */
  encode(value: T): Uint8Array
  /** Throws `invalid-argument` where the bytes are not of the format, or beyond a limit. */
  decode(bytes: Uint8Array): T
}
