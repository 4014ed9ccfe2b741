/** What a GET's Observe option asks for (RFC 7641, section 2). */
export const Observe = { register: 0, deregister: 1 } as const

const modulus = 2 ** 24
const half = 2 ** 23

/** The next of a server's sequence numbers, which are 24 bits (RFC 7641, section 4.4). */
export function nextObserve(sequence: number): number {
  return (sequence + 1) % modulus
}

export interface Notification {
  /** The Observe option's value. */
  readonly sequence: number
  /** By the client's own clock. */
  readonly receivedAtMs: number
}

/** Whether a notification is newer than the newest one so far (RFC 7641, section 3.4). */
export function isNewer(known: Notification, other: Notification): boolean {
  const v1 = known.sequence
  const v2 = other.sequence
  return (v1 < v2 && v2 - v1 < half) || (v1 > v2 && v1 - v2 > half) || other.receivedAtMs > known.receivedAtMs + 128_000
}
