import { isIP } from 'node:net'
import type { Peer } from '../../contracts/index.ts'

/** What a handler is given where its host does not say who calls: they all count as one. */
export const unknownPeer: Peer = { address: 'unknown' }

export function toPeer(address: string | undefined, port: number | undefined, certificate?: Peer['certificate']): Peer {
  return address === undefined ? unknownPeer : { address: withoutMapping(address), port, certificate }
}

/**
 * The peer that a trusted proxy saw: the last entry, which the proxy itself wrote. What stands before it came from the
 * caller, who may write there what he likes. A certificate is the proxy's own, and is nobody's proof here.
 */
export function forwardedPeer(header: string | null, peer: Peer): Peer {
  const last = header?.slice(header.lastIndexOf(',') + 1).trim()
  if (last === undefined || isIP(last) === 0) return { ...peer, certificate: undefined }
  return { address: withoutMapping(last) }
}

/** An IPv4 address that came over a socket for both families: `::ffff:192.0.2.1` (RFC 4291, section 2.5.5.2). */
function withoutMapping(address: string): string {
  return address.startsWith('::ffff:') && address.includes('.') ? address.slice(7) : address
}
