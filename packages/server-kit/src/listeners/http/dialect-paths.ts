import { type Principal, ThingmeshError } from '@thingmesh/core'
import type { Dialect, Session } from '../../contracts/index.ts'
import { levelsOf } from './path.ts'

/** Nobody: enough to see whether a dialect claims a path at all, before it is known who asks. */
const nobody: Principal = { id: '', kind: 'thing', domain: '' }

/** Message paths that are not our own, in the dialects that the handler knows. */
export class DialectPaths {
  readonly #basePath: string
  readonly #dialects: readonly Dialect[]
  readonly #withBareKey: readonly Dialect[]

  constructor(basePath: string, dialects: readonly Dialect[]) {
    this.#basePath = basePath
    this.#dialects = dialects
    this.#withBareKey = dialects.filter(({ key }) => key?.isBareHeader)
  }

  isOne(url: string): boolean {
    if (this.#dialects.length === 0) return false
    return isClaimed(() => this.#readIn(this.#dialects, url, nobody))
  }

  /** Whether an `Authorization` without a scheme is a key here. */
  takesBareKey(url: string): boolean {
    return this.#withBareKey.length > 0 && isClaimed(() => this.#readIn(this.#withBareKey, url, nobody))
  }

  /** As the parameters of our own paths. Throws what the dialect does. */
  parametersOf(url: string, { principal }: Session): Record<string, string> {
    const filter = this.#readIn(this.#dialects, url, principal)
    if (filter === undefined) throw new ThingmeshError('not-found', 'no such path')
    const slash = filter.indexOf('/')
    if (slash === -1) return { channel: filter }
    return { channel: filter.slice(0, slash), subtopic: filter.slice(slash + 1) }
  }

  /** What is no topic is refused where one is published to, as in our own paths. */
  #readIn(dialects: readonly Dialect[], url: string, principal: Principal): string | undefined {
    const text = levelsOf(this.#basePath, url).join('/')
    for (const dialect of dialects) {
      const read = dialect.readFilter(text, principal)
      if (read !== undefined) return read.filter
    }
    return undefined
  }
}

function isClaimed(read: () => string | undefined): boolean {
  try {
    return read() !== undefined
  } catch {
    // Claimed, and to be refused when it is known whom.
    return true
  }
}
