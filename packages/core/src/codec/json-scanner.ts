import { ThingmeshError } from '../errors/index.ts'
import { type DataLimits, isRefusedKey, refusedKey, tooDeep, tooManyNodes } from './data-limits.ts'

const quote = 0x22
const backslash = 0x5c

/** The longest way to write the longest refused key: every character as `\uXXXX`, and the quotes. */
const refusedKeyTextMax = '"constructor"'.length * 6

/**
 * Refuses text that `JSON.parse` would make too much of: depth, number of values, keys, numbers that overflow. It does
 * not check the grammar, which is `JSON.parse`'s to do; for any text that is JSON its verdict is exact. One pass.
 */
export function scanJson(text: string, limits: DataLimits): void {
  let depth = 0
  let nodes = 0
  let i = 0
  const countNode = () => {
    if (++nodes > limits.nodesMax) throw tooManyNodes(limits.nodesMax)
  }
  while (i < text.length) {
    const unit = text.charCodeAt(i)
    if (unit === quote) {
      const end = stringEnd(text, i)
      const next = skipSpace(text, end)
      if (text[next] === ':') checkKey(text, i, end)
      else countNode()
      i = next
    } else if (unit === 0x7b || unit === 0x5b) {
      countNode()
      if (++depth > limits.depthMax) throw tooDeep(limits.depthMax)
      i++
    } else if (unit === 0x7d || unit === 0x5d) {
      depth--
      i++
    } else if (isScalarUnit(unit)) {
      countNode()
      const start = i
      while (i < text.length && isScalarUnit(text.charCodeAt(i))) i++
      // `1e309` is the shortest number that overflows to infinity.
      if (i - start >= 5 && unit <= 0x39) checkFinite(text.slice(start, i))
    } else i++
  }
}

/** What numbers, `true`, `false` and `null` are made of, and nothing that separates values. */
function isScalarUnit(unit: number): boolean {
  return (
    (unit >= 0x30 && unit <= 0x39) ||
    (unit >= 0x61 && unit <= 0x7a) ||
    unit === 0x2d ||
    unit === 0x2e ||
    unit === 0x2b ||
    unit === 0x45
  )
}

/** The index behind the closing quote. */
function stringEnd(text: string, start: number): number {
  for (let i = start + 1; i < text.length; i++) {
    const unit = text.charCodeAt(i)
    if (unit === quote) return i + 1
    if (unit === backslash) i++
  }
  throw new ThingmeshError('invalid-argument', 'payload is not valid json: a string does not end')
}

function skipSpace(text: string, start: number): number {
  let i = start
  while (i < text.length && text.charCodeAt(i) <= 0x20) i++
  return i
}

function checkKey(text: string, start: number, end: number): void {
  if (end - start > refusedKeyTextMax) return
  const written = text.slice(start, end)
  const key = written.includes('\\') ? parseString(written) : written.slice(1, -1)
  if (isRefusedKey(key)) throw refusedKey(key)
}

/** A bad escape is `JSON.parse`'s to refuse, in the whole. */
function parseString(written: string): string {
  try {
    return String(JSON.parse(written))
  } catch {
    return ''
  }
}

function checkFinite(written: string): void {
  const number = Number(written)
  if (number === Number.POSITIVE_INFINITY || number === Number.NEGATIVE_INFINITY) {
    throw new ThingmeshError('invalid-argument', 'payload has a number beyond what a 64-bit float holds')
  }
}
