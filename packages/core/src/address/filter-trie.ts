import { levelEnd } from './level.ts'
import { LevelTable } from './level-table.ts'
import { none, type Slot, visitAll, withoutValue, withValue } from './slot.ts'

/** One level of the filters that share a beginning. What a node does not need it does not have. */
class Node<T> {
  readonly level: string
  /** By the text of the next level. */
  children: LevelTable<Branch<T>> | undefined
  /** The next level is `+`. Apart from the children, so that a level of that text in a topic cannot reach it. */
  plus: Branch<T> | undefined
  /** Values of the filter that ends here. */
  here: Slot<T> = none
  /** Values of the filter that ends here with a further `#`. */
  below: Slot<T> = none

  constructor(level: string) {
    this.level = level
  }
}

/**
 * What is left of a filter that shares its beginning with others up to here and with none any further. Most of many filters are told apart
 * by one name in the midst of them: a node for each level behind it would be so many more places that no cache holds.
 */
class Tail<T> {
  readonly level: string
  /** With the slash in front; empty where the filter ends here. */
  readonly rest: string
  here: Slot<T>

  constructor(level: string, rest: string, here: Slot<T>) {
    this.level = level
    this.rest = rest
    this.here = here
  }
}

type Branch<T> = Node<T> | Tail<T>

/**
 * Filters, each with the values that wait for it. Matching walks down the topic's levels, so what it costs depends on
 * the topic and on the filters that match, not on how many filters there are. Takes filters that `parseFilter` accepts
 * and agrees with `matchesFilter`.
 */
export class FilterTrie<T> {
  readonly #root = new Node<T>('')
  #size = 0

  /** How many (filter, value) pairs it holds. */
  get size(): number {
    return this.#size
  }

  /** Returns false when that pair was there already. */
  add(filter: string, value: T): boolean {
    let node = this.#root
    let start = 0
    for (;;) {
      const end = levelEnd(filter, start)
      const level = filter.slice(start, end)
      if (isAll(filter, start)) return this.#addTo(node, 'below', value)
      let branch = child(node, level)
      if (branch === undefined) {
        branch = new Tail<T>(level, filter.slice(end), none)
        setChild(node, branch)
      }
      if (branch instanceof Tail) {
        if (branch.rest === filter.slice(end)) return this.#addTo(branch, 'here', value)
        branch = toNode(branch)
        setChild(node, branch)
      }
      node = branch
      if (end === filter.length) return this.#addTo(node, 'here', value)
      start = end + 1
    }
  }

  /** Returns false when that pair was not there. What holds nothing any more goes with it. */
  remove(filter: string, value: T): boolean {
    const path: { readonly node: Node<T>; readonly level: string }[] = []
    let node = this.#root
    let start = 0
    while (!isAll(filter, start)) {
      const end = levelEnd(filter, start)
      const level = filter.slice(start, end)
      const branch = child(node, level)
      if (branch === undefined) return false
      path.push({ node, level })
      if (branch instanceof Tail) {
        return branch.rest === filter.slice(end) && this.#removeFrom(branch, 'here', value, path)
      }
      node = branch
      if (end === filter.length) return this.#removeFrom(node, 'here', value, path)
      start = end + 1
    }
    return this.#removeFrom(node, 'below', value, path)
  }

  /** The value of each matching pair: a value under two matching filters is there twice. */
  match(topic: string): T[] {
    const matched: T[] = []
    this.matchInto(topic, value => {
      matched.push(value)
    })
    return matched
  }

  /**
   * Calls `visit` once for each matching pair, in no promised order. `visit` may add and remove pairs; whether those
   * are visited in the same walk is not promised.
   */
  matchInto(topic: string, visit: (value: T) => void): void {
    if (!topic.startsWith('$')) walk(this.#root, topic, 0, visit)
    else {
      // A wildcard at the first level does not match a topic that starts with `$` (MQTT 5, section 4.7.2).
      const end = levelEnd(topic, 0)
      const first = this.#root.children?.get(topic, 0, end)
      if (first !== undefined) walk(first, topic, end + 1, visit)
    }
  }

  #addTo<Name extends string>(holder: Record<Name, Slot<T>>, name: Name, value: T): boolean {
    const changed = withValue<T>(holder[name], value)
    if (changed === undefined) return false
    holder[name] = changed.slot
    this.#size++
    return true
  }

  #removeFrom<Name extends string>(
    holder: Record<Name, Slot<T>>,
    name: Name,
    value: T,
    path: { readonly node: Node<T>; readonly level: string }[],
  ): boolean {
    const changed = withoutValue<T>(holder[name], value)
    if (changed === undefined) return false
    holder[name] = changed.slot
    this.#size--
    for (const { node, level } of path.reverse()) {
      if (!isEmpty(child(node, level)!)) break
      removeChild(node, level)
    }
    return true
  }
}

/**
 * Visits what matches from `top` on, where the topic's next level starts at `topStart`; the topic has ended where that is past its
 * end. Where both a `+` and a level of that name lead on, one of them waits in a list: neither a long topic nor many
 * filters can exhaust the stack.
 */
function walk<T>(top: Branch<T>, topic: string, topStart: number, visit: (value: T) => void): void {
  let branch: Branch<T> | undefined = top
  let start = topStart
  let waiting: { readonly branch: Branch<T>; readonly start: number }[] | undefined
  for (;;) {
    if (branch === undefined) {
      const next = waiting?.pop()
      if (next === undefined) return
      branch = next.branch
      start = next.start
    }
    if (branch instanceof Tail) {
      if (matchesRest(branch.rest, topic, start - 1)) visitAll(branch.here, visit)
      branch = undefined
      continue
    }
    if (branch.below !== none) visitAll(branch.below, visit)
    if (start > topic.length) {
      if (branch.here !== none) visitAll(branch.here, visit)
      branch = undefined
      continue
    }
    const end = levelEnd(topic, start)
    const { plus }: Node<T> = branch
    const named: Branch<T> | undefined = branch.children?.get(topic, start, end)
    start = end + 1
    if (named !== undefined && plus !== undefined) {
      waiting ??= []
      waiting.push({ branch: plus, start })
    }
    branch = named ?? plus
  }
}

const slash = 0x2f
const plusSign = 0x2b

/** Both from the end of a level on: at a slash, or at the end of the text. */
function matchesRest(rest: string, topic: string, topicAt: number): boolean {
  let at = 0
  let there = topicAt
  while (at < rest.length) {
    if (isAll(rest, at + 1)) return true
    if (there === topic.length) return false
    at++
    there++
    if (rest.charCodeAt(at) === plusSign) {
      at++
      there = levelEnd(topic, there)
      continue
    }
    const end = levelEnd(rest, at)
    while (at < end) if (rest.charCodeAt(at++) !== topic.charCodeAt(there++)) return false
    if (there < topic.length && topic.charCodeAt(there) !== slash) return false
  }
  return there === topic.length
}

/** Whether a `#` starts there: it is the last level then. */
function isAll(filter: string, start: number): boolean {
  return start === filter.length - 1 && filter.endsWith('#')
}

function toNode<T>({ level, rest, here }: Tail<T>): Node<T> {
  const node = new Node<T>(level)
  if (rest === '') node.here = here
  else if (isAll(rest, 1)) node.below = here
  else {
    const end = levelEnd(rest, 1)
    setChild(node, new Tail(rest.slice(1, end), rest.slice(end), here))
  }
  return node
}

function isEmpty<T>(branch: Branch<T>): boolean {
  if (branch.here !== none) return false
  return branch instanceof Tail || (branch.below === none && branch.plus === undefined && branch.children === undefined)
}

function child<T>(node: Node<T>, level: string): Branch<T> | undefined {
  return level === '+' ? node.plus : node.children?.get(level, 0, level.length)
}

function setChild<T>(node: Node<T>, branch: Branch<T>): void {
  if (branch.level === '+') node.plus = branch
  else {
    node.children ??= new LevelTable()
    node.children.set(branch)
  }
}

function removeChild<T>(node: Node<T>, level: string): void {
  if (level === '+') {
    node.plus = undefined
    return
  }
  node.children?.delete(level)
  if (node.children?.size === 0) node.children = undefined
}
