import { ThingmeshError } from '@thingmesh/core'

/** 32 bytes in base64url, without padding and with nothing in the bits that are left over. */
const form = /^[A-Za-z0-9_-]{42}[AEIMQUYcgkosw048]$/

/** The field and the curve of Ed25519 (RFC 8032, section 5.1). */
const p = 2n ** 255n - 19n
const d = modulo(-121665n * power(121666n, p - 2n))
const rootOfMinusOne = power(2n, (p - 1n) / 4n)

/**
 * Throws `invalid-argument` for what is not the public key of somebody: 32 bytes that are no point of the curve, or not
 * its one encoding, or a point of small order, under which a signature of anything can be made without a private key.
 * OpenSSL 3.0, which Node 22 has, takes such a signature; 3.5 does not.
 */
export function parsePublicKey(text: unknown): string {
  if (typeof text !== 'string' || !form.test(text)) {
    throw new ThingmeshError('invalid-argument', 'public key: found no 32 bytes in base64url')
  }
  const point = decodePoint(Buffer.from(text, 'base64url'))
  if (point === undefined) throw new ThingmeshError('invalid-argument', 'public key: found no point of Ed25519')
  if (isOfSmallOrder(point)) throw new ThingmeshError('invalid-argument', 'public key: found a point of small order')
  return text
}

interface Point {
  readonly x: bigint
  readonly y: bigint
}

/** RFC 8032, section 5.1.3. */
function decodePoint(bytes: Uint8Array): Point | undefined {
  const littleEndian = BigInt(`0x${Buffer.from(bytes).reverse().toString('hex')}`)
  const sign = littleEndian >> 255n
  const y = littleEndian & (2n ** 255n - 1n)
  if (y >= p) return undefined
  const u = modulo(y * y - 1n)
  const v = modulo(d * y * y + 1n)
  let x = modulo(u * v ** 3n * power(u * v ** 7n, (p - 5n) / 8n))
  const square = modulo(v * x * x)
  if (square === modulo(-u)) x = modulo(x * rootOfMinusOne)
  else if (square !== u) return undefined
  if (x === 0n && sign === 1n) return undefined
  // Which of the two roots it is does not matter to the order.
  return { x, y }
}

/** The order of the whole group is 8 times a prime: eight times a point of small order is the neutral one. */
function isOfSmallOrder(point: Point): boolean {
  let { x, y } = point
  let z = 1n
  for (let times = 0; times < 3; times++) {
    // Twice the point, in projective coordinates with a = -1.
    const b = (x + y) ** 2n
    const c = x * x
    const e = y * y
    const f = e - c
    const j = f - 2n * z * z
    x = modulo((b - c - e) * j)
    y = modulo(f * (-c - e))
    z = modulo(f * j)
  }
  return x === 0n && y === z
}

function modulo(value: bigint): bigint {
  const rest = value % p
  return rest < 0n ? rest + p : rest
}

function power(base: bigint, exponent: bigint): bigint {
  let result = 1n
  let square = modulo(base)
  for (let rest = exponent; rest > 0n; rest >>= 1n) {
    if ((rest & 1n) === 1n) result = modulo(result * square)
    square = modulo(square * square)
  }
  return result
}
