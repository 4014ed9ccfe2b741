/** The datagrams' way out: a UDP socket, a test. */
export interface Wire {
  /** Never throws; what cannot be sent is lost, as on the way. */
  send(bytes: Uint8Array, address: string, port: number): void
}
