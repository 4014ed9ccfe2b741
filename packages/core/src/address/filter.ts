import { levelEnd } from './level.ts'
import { defaultTopicLimits, type TopicLimits } from './limits.ts'
import { checkLevels, checkNoDollar, checkText, forbiddenCharacter } from './text.ts'

/**
 * Checks a filter: levels, with `+` as a whole level and `#` as the last one (MQTT 5, section 4.7.1). The rules for
 * length and characters are those of topics. A filter that starts with `$` is refused unless `allowDollar`.
 *
 * Throws `invalid-argument`. Returns the filter as given.
 */
export function parseFilter(
  filter: string,
  limits: TopicLimits & { readonly allowDollar?: boolean } = defaultTopicLimits,
): string {
  checkText('filter', filter, limits.topicBytesMax, limits.topicControlCharacters)
  checkLevels('filter', filter, limits)
  if (limits.allowDollar !== true) checkNoDollar('filter', filter)
  const at = filter.search(misplacedWildcard)
  if (at !== -1) throw forbiddenCharacter('filter', filter, isWildcard(filter[at]) ? at : at + 1)
  return filter
}

/** Behind something in its level, in front of something in its level, or of another level where it has to be the last. */
const misplacedWildcard = /[^/][+#]|\+[^/]|#./s

function isWildcard(character: string | undefined): boolean {
  return character === '+' || character === '#'
}

/**
 * Whether a filter that `parseFilter` accepts matches a topic (MQTT 5, section 4.7). `sport/#` also matches `sport`; a
 * wildcard at the first level does not match a topic that starts with `$`. Linear, and allocates nothing.
 */
export function matchesFilter(filter: string, topic: string): boolean {
  if (topic.startsWith('$') && isWildcard(filter[0])) return false
  let inTopic = 0
  for (let inFilter = 0; inFilter < filter.length; inFilter++) {
    const character = filter[inFilter]
    if (character === '#') return true
    if (character === '+') inTopic = levelEnd(topic, inTopic)
    else if (character === topic[inTopic]) inTopic++
    else return inTopic === topic.length && isParentOfAll(filter, inFilter)
  }
  return inTopic === topic.length
}

/**
 * Whether some topic exists that both filters match. Both are filters that `parseFilter` accepts. Linear.
 *
 * Here and in `filterCovers` a topic is any row of one or more levels, whatever its length and even if it cannot be
 * published to: that errs, for the few filters where it matters, towards "intersect" and "does not cover".
 */
export function filtersIntersect(a: string, b: string): boolean {
  if ((isWild(a, 0) && b.startsWith('$')) || (isWild(b, 0) && a.startsWith('$'))) return false
  let inA = 0
  let inB = 0
  for (;;) {
    if (isHash(a, inA) || isHash(b, inB)) return true
    const endA = levelEnd(a, inA)
    const endB = levelEnd(b, inB)
    if (!isPlus(a, inA) && !isPlus(b, inB) && !sameLevel(a, inA, endA, b, inB, endB)) return false
    if (endA === a.length) return endB === b.length || isParentOfAll(b, endB)
    if (endB === b.length) return isParentOfAll(a, endA)
    inA = endA + 1
    inB = endB + 1
  }
}

/**
 * Whether every topic that `inner` matches is matched by `outer`, so that a right to `outer` is a right to `inner`.
 * Both are filters that `parseFilter` accepts. Linear.
 */
export function filterCovers(outer: string, inner: string): boolean {
  if (isWild(outer, 0) && inner.startsWith('$')) return false
  // No topic has no levels, so at the first level `#` asks for as much as `+/#` does.
  if (isHash(inner, 0)) return outer === '#' || outer === '+/#'
  let inOuter = 0
  let inInner = 0
  for (;;) {
    if (isHash(outer, inOuter)) return true
    if (isHash(inner, inInner)) return false
    const outerEnd = levelEnd(outer, inOuter)
    const innerEnd = levelEnd(inner, inInner)
    if (!isPlus(outer, inOuter)) {
      if (isPlus(inner, inInner) || !sameLevel(outer, inOuter, outerEnd, inner, inInner, innerEnd)) return false
    }
    if (innerEnd === inner.length) return outerEnd === outer.length || isParentOfAll(outer, outerEnd)
    if (outerEnd === outer.length) return false
    inOuter = outerEnd + 1
    inInner = innerEnd + 1
  }
}

/** The level that starts here is `+`. */
function isPlus(filter: string, start: number): boolean {
  return filter[start] === '+' && (start + 1 === filter.length || filter[start + 1] === '/')
}

/** What starts here is a `#` that ends the filter. */
function isHash(filter: string, start: number): boolean {
  return start === filter.length - 1 && filter[start] === '#'
}

function isWild(filter: string, start: number): boolean {
  return isPlus(filter, start) || isHash(filter, start)
}

/** What is left from here on is `/#`, which matches the level in front of it too (MQTT 5, section 4.7.1.2). */
function isParentOfAll(filter: string, slash: number): boolean {
  return slash === filter.length - 2 && isHash(filter, slash + 1)
}

function sameLevel(a: string, startA: number, endA: number, b: string, startB: number, endB: number): boolean {
  if (endA - startA !== endB - startB) return false
  for (let i = startA, j = startB; i < endA; i++, j++) {
    if (a.charCodeAt(i) !== b.charCodeAt(j)) return false
  }
  return true
}
