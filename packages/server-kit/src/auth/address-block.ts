import { isIPv4, isIPv6 } from 'node:net'

const mapped = /^::ffff:(\d+\.\d+\.\d+\.\d+)$/i

/**
 * Whose address it is, as far as can be told: an IPv4 address stands for itself, an IPv6 address for its /64, because
 * that is the least that one customer has (RFC 6177), and 2^64 addresses would make counting by address pointless.
 * Anything else stands for itself.
 */
export function addressBlock(address: string): string {
  const plain = address.split('%', 1)[0]!
  const v4 = mapped.exec(plain)?.[1]
  if (v4 !== undefined && isIPv4(v4)) return v4
  if (!isIPv6(plain)) return address
  const [head = '', tail] = plain.split('::')
  const groups = head === '' ? [] : head.split(':')
  if (tail !== undefined) {
    const behind = tail === '' ? [] : tail.split(':')
    // A dotted quad at the end is two groups.
    const width = behind.length + (behind.at(-1)?.includes('.') === true ? 1 : 0)
    while (groups.length + width < 8) groups.push('0')
    groups.push(...behind)
  }
  const block = groups.slice(0, 4).map(group => Number.parseInt(group, 16).toString(16))
  return `${block.join(':')}::/64`
}
