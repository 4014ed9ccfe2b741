import { isThingmeshError, ThingmeshError } from '../errors/index.ts'
import type { Codec } from './codec.ts'
import { type DataLimits, defaultDataLimits, tooManyNodes } from './data-limits.ts'
import { scanJson } from './json-scanner.ts'
import { decodeUtf8, encodeUtf8 } from './utf8.ts'

/** JSON (RFC 8259) with the default limits. */
export const jsonCodec: Codec = /* @__PURE__ */ jsonCodecWith({})

/**
 * JSON (RFC 8259) with other limits; what is left out has its default.
 *
 * Objects come out without a prototype, so that a key of a payload is never taken for an inherited property. Numbers
 * are finite. The keys `__proto__`, `constructor` and `prototype` are refused, both ways.
 */
export function jsonCodecWith(limits: Partial<DataLimits>): Codec {
  const bounds: DataLimits = { ...defaultDataLimits, ...limits }
  return {
    contentTypes: ['application/json'],
    encode: value => encodeUtf8(toText(value, bounds)),
    decode: bytes => fromText(decodeUtf8(bytes), bounds),
  }
}

function fromText(text: string, limits: DataLimits): unknown {
  scanJson(text, limits)
  let value: unknown
  try {
    value = JSON.parse(text)
  } catch {
    // The parser's own message quotes the payload, so it is not kept, not even as a cause.
    throw new ThingmeshError('invalid-argument', 'payload is not valid json')
  }
  return withoutPrototypes(value)
}

/** Recursion is as deep as the scan allows. */
function withoutPrototypes(value: unknown): unknown {
  if (typeof value !== 'object' || value === null) return value
  if (Array.isArray(value)) {
    for (let i = 0; i < value.length; i++) value[i] = withoutPrototypes(value[i])
    return value
  }
  const bare: Record<string, unknown> = Object.create(null)
  for (const [key, item] of Object.entries(value)) bare[key] = withoutPrototypes(item)
  return bare
}

function toText(value: unknown, limits: DataLimits): string {
  let nodes = 0
  // Without the count, a small value that refers to its parts many times over would become an endless text.
  const check = (_key: string, item: unknown) => {
    if (++nodes > limits.nodesMax) throw tooManyNodes(limits.nodesMax)
    if (typeof item === 'number' && !Number.isFinite(item)) {
      throw new ThingmeshError('invalid-argument', `json has no ${item}`)
    }
    return item
  }
  let text: string | undefined
  try {
    text = JSON.stringify(value, check)
  } catch (error) {
    if (isThingmeshError(error)) throw error
    throw new ThingmeshError('invalid-argument', 'value cannot be written as json', { cause: error })
  }
  if (text === undefined) throw new ThingmeshError('invalid-argument', `json has no ${typeof value}`)
  scanJson(text, limits)
  return text
}
