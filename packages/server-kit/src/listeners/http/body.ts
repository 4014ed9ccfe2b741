import { isThingmeshError, ThingmeshError } from '@thingmesh/core'

/** Bytes of all bodies that are in memory at once. Many small bodies are as much as one large one. */
export interface BodyBudget {
  /** Throws `unavailable`. */
  take(bytes: number): void
  give(bytes: number): void
}

export function bodyBudget(bytesMax: number): BodyBudget {
  let used = 0
  return {
    take(bytes) {
      if (used + bytes > bytesMax) {
        throw new ThingmeshError('unavailable', `the hub is reading as many bodies as it may, ${bytesMax} bytes`)
      }
      used += bytes
    },
    give(bytes) {
      used -= bytes
    },
  }
}

/** What the header says of the body's length. Throws `invalid-argument`, and `too-large` before a byte was read. */
export function declaredLength(request: Request, bytesMax: number): number | undefined {
  const header = request.headers.get('content-length')
  if (header === null) return undefined
  if (!/^\d{1,15}$/.test(header)) throw new ThingmeshError('invalid-argument', 'content-length is not a number')
  const length = Number(header)
  if (length > bytesMax) throw tooLarge(length, bytesMax)
  return length
}

/**
 * Reads the body. Where its length is not declared it is counted as it comes, and cut at the limit. What it returns
 * has been taken from the budget; the caller gives it back when he is done with it. Throws `too-large`, `unavailable`,
 * `canceled` (the peer went away).
 */
export async function readBody(request: Request, bytesMax: number, budget: BodyBudget): Promise<Uint8Array> {
  const length = declaredLength(request, bytesMax)
  if (length === 0) return new Uint8Array(0)
  if (length === undefined) return readUndeclared(request, bytesMax, budget)
  budget.take(length)
  let taken = length
  try {
    const bytes = new Uint8Array(await request.arrayBuffer())
    // A framework that this handler is mounted in need not hold its callers to what they declare.
    if (bytes.byteLength > bytesMax) throw tooLarge(bytes.byteLength, bytesMax)
    budget.give(taken - bytes.byteLength)
    taken = 0
    return bytes
  } catch (error) {
    throw toBodyFailure(error)
  } finally {
    budget.give(taken)
  }
}

async function readUndeclared(request: Request, bytesMax: number, budget: BodyBudget): Promise<Uint8Array> {
  const reader = request.body?.getReader()
  if (reader === undefined) return new Uint8Array(0)
  const chunks: Uint8Array[] = []
  let length = 0
  let taken = 0
  try {
    for (;;) {
      const { done, value } = await reader.read()
      if (done) break
      length += value.byteLength
      if (length > bytesMax) throw tooLarge(length, bytesMax)
      budget.take(value.byteLength)
      taken = length
      chunks.push(value)
    }
    taken = 0
    return Buffer.concat(chunks, length)
  } catch (error) {
    reader.cancel().catch(() => {})
    throw toBodyFailure(error)
  } finally {
    budget.give(taken)
  }
}

function toBodyFailure(error: unknown): ThingmeshError {
  return isThingmeshError(error) ? error : new ThingmeshError('canceled', 'the body broke off', { cause: error })
}

function tooLarge(found: number, bytesMax: number): ThingmeshError {
  return new ThingmeshError('too-large', `body has at least ${found} bytes, the limit is ${bytesMax}`, {
    details: { limit: 'bodyBytesMax', found, max: bytesMax },
  })
}
