import { ThingmeshError } from '@thingmesh/core'

/** Everything between the authority and the query, percent-encoded as it came. */
export function pathOf(url: string): string {
  const start = url.indexOf('/', url.indexOf('://') + 3)
  if (start === -1) return '/'
  const query = url.indexOf('?', start)
  return query === -1 ? url.slice(start) : url.slice(start, query)
}

/**
 * Reads the values of a path's parameters. `template` is an OpenAPI path below `basePath`; a last `{subtopic}` takes
 * all levels that are left. Each level is decoded once; an encoded slash in it is refused, because decoded it would be
 * one level more. The reader throws `invalid-argument`.
 */
export function pathReader(basePath: string, template: string): (url: string) => Record<string, string> {
  const wanted = template
    .split('/')
    .map((segment, index) => ({ name: parameterName(segment), index }))
    .filter(({ name }) => name !== undefined)
  return url => {
    const parameters: Record<string, string> = {}
    if (wanted.length === 0) return parameters
    const found = pathOf(url).slice(basePath.length).split('/')
    for (const { name, index } of wanted) {
      parameters[name!] =
        name === 'subtopic' ? found.slice(index).map(decodeLevel).join('/') : decodeLevel(found[index]!)
    }
    return parameters
  }
}

/** The levels of a path below `basePath`, decoded as those of parameters are. Throws `invalid-argument`. */
export function levelsOf(basePath: string, url: string): string[] {
  return pathOf(url)
    .slice(basePath.length + 1)
    .split('/')
    .map(decodeLevel)
}

/** `thing` for `{thing}`. */
export function parameterName(segment: string): string | undefined {
  return segment.startsWith('{') ? segment.slice(1, -1) : undefined
}

function decodeLevel(level: string): string {
  if (!level.includes('%')) return level
  let decoded: string
  try {
    decoded = decodeURIComponent(level)
  } catch {
    throw new ThingmeshError('invalid-argument', 'path has a malformed percent encoding')
  }
  if (decoded.includes('/')) throw new ThingmeshError('invalid-argument', 'path has an encoded slash within a level')
  return decoded
}
