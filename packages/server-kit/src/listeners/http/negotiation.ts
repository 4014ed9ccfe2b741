/**
 * The media type to answer with: the best that the `Accept` header has among what there is, the first one where it
 * has no opinion (RFC 9110, section 12.5.1). `undefined` where it takes none of them.
 */
export function negotiate(accept: string | null, available: readonly string[]): string | undefined {
  if (accept === null || accept === '*/*' || available.length === 0) return available[0] ?? ''
  const ranges = accept.split(',').map(parseRange)
  let best: string | undefined
  let bestQuality = 0
  for (const type of available) {
    const quality = qualityOf(type, ranges)
    if (quality > bestQuality) {
      best = type
      bestQuality = quality
    }
  }
  return best
}

interface MediaRange {
  readonly type: string
  readonly quality: number
}

function parseRange(text: string): MediaRange {
  const [type = '', ...parameters] = text.split(';')
  let quality = 1
  for (const parameter of parameters) {
    const [name, value = ''] = parameter.split('=')
    if (name?.trim().toLowerCase() === 'q') quality = Number.parseFloat(value) || 0
  }
  return { type: type.trim().toLowerCase(), quality }
}

// The most specific range that fits decides: a wildcard together with `application/json;q=0` does not mean JSON.
function qualityOf(type: string, ranges: readonly MediaRange[]): number {
  const group = `${type.slice(0, type.indexOf('/'))}/*`
  for (const wanted of [type, group, '*/*']) {
    const range = ranges.find(candidate => candidate.type === wanted)
    if (range !== undefined) return range.quality
  }
  return 0
}
