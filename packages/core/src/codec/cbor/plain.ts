/**
 * Makes plain data of what cbor-x decoded. Maps whose keys are all text become objects without a prototype, as JSON
 * has them; others stay maps. A bignum that a number holds becomes one, so that an integer is a number wherever it
 * can be, however it was written. Recursion is as deep as the scan allows.
 */
export function toPlain(value: unknown): unknown {
  if (typeof value === 'bigint') return isSafe(value) ? Number(value) : value
  if (Array.isArray(value)) {
    for (let i = 0; i < value.length; i++) value[i] = toPlain(value[i])
    return value
  }
  return value instanceof Map ? toObjectOrMap(value) : value
}

function toObjectOrMap(map: Map<unknown, unknown>): unknown {
  const object: Record<string, unknown> = Object.create(null)
  for (const [key, item] of map) {
    const plain = toPlain(item)
    map.set(key, plain)
    if (typeof key === 'string') object[key] = plain
  }
  return Object.keys(object).length === map.size ? object : map
}

function isSafe(value: bigint): boolean {
  return value >= Number.MIN_SAFE_INTEGER && value <= Number.MAX_SAFE_INTEGER
}
