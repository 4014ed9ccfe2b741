import { defaultDataLimits, isRefusedKey } from '../codec/data-limits.ts'
import type { JsonValue } from '../model/index.ts'

/**
 * What `jsonCodec` makes of a text, for one that came in a packet: its size bounds what parsing it costs, and it is looked
 * through afterwards. Throws where it is no JSON, or is beyond the codec's limits.
 */
export function readJson(text: string): JsonValue {
  const { depthMax, nodesMax } = defaultDataLimits
  let nodes = 0
  const look = (value: unknown, depth: number): unknown => {
    const isContainer = typeof value === 'object' && value !== null
    const isBeyond = ++nodes > nodesMax || (isContainer && depth >= depthMax)
    if (isBeyond || (typeof value === 'number' && !Number.isFinite(value))) throw refused()
    if (!isContainer) return value
    if (Array.isArray(value)) return value.map(item => look(item, depth + 1))
    const bare: Record<string, unknown> = Object.create(null)
    for (const [key, item] of Object.entries(value)) {
      if (isRefusedKey(key)) throw refused()
      bare[key] = look(item, depth + 1)
    }
    return bare
  }
  return look(JSON.parse(text), 0) as JsonValue
}

function refused(): RangeError {
  return new RangeError('json beyond its limits')
}
