export interface PlaceLimits {
  readonly connectionsMax: number
  /** For each IPv4 address, and for each /64 of IPv6, which is the least that one customer has (RFC 6177). */
  readonly connectionsPerAddressMax: number
}

/** Which of the two is reached; doors count by it what they refuse. */
export type PlaceLimit = 'connections' | 'connections-per-address'

/** The places that one door has for connections. */
export interface Places {
  readonly taken: number
  /** Takes one for who connects from this address. The function gives it back when the connection is gone, and is called once. */
  take(address: string): (() => void) | PlaceLimit
}
