import { levelEnd } from './level.ts'

/** One level of the filters that share a beginning. What a node does not need it does not have. */
interface TrieNode<T> {
  /** By the text of the next level. A Map, so that `__proto__` is a level like any other. */
  children: Map<string, TrieNode<T>> | undefined
  /** The next level is `+`. Apart from the children, so that a level of that text in a topic cannot reach it. */
  plus: TrieNode<T> | undefined
  /** Values of the filter that ends here. */
  here: Slot<T>
  /** Values of the filter that ends here with a further `#`. */
  below: Slot<T>
}

/**
 * Most filters have one value. It stands for itself: among a hundred thousand filters every further object on the way to it is one more that no cache holds.
 */
type Slot<T> = T | Many<T> | typeof none

const none: unique symbol = Symbol('none')

class Many<T> {
  readonly values = new Set<T>()
}

/**
 * Filters, each with the values that wait for it. Matching walks down the topic's levels, so what it costs depends on
 * the topic and on the filters that match, not on how many filters there are. Takes filters that `parseFilter` accepts
 * and agrees with `matchesFilter`.
 */
export class FilterTrie<T> {
  readonly #root: TrieNode<T> = emptyNode()
  #size = 0

  /** How many (filter, value) pairs it holds. */
  get size(): number {
    return this.#size
  }

  /** Returns false when that pair was there already. */
  add(filter: string, value: T): boolean {
    let node = this.#root
    let start = 0
    let ended = false
    while (!ended) {
      const end = levelEnd(filter, start)
      ended = end === filter.length
      const level = filter.slice(start, end)
      if (ended && level === '#') return this.#addTo(node, 'below', value)
      node = childOrNew(node, level)
      start = end + 1
    }
    return this.#addTo(node, 'here', value)
  }

  /** Returns false when that pair was not there. Nodes that hold nothing any more go with it. */
  remove(filter: string, value: T): boolean {
    const path = [this.#root]
    const levels = filter.split('/')
    const slot = levels.at(-1) === '#' ? 'below' : 'here'
    if (slot === 'below') levels.pop()
    for (const level of levels) {
      const next = child(path[path.length - 1]!, level)
      if (next === undefined) return false
      path.push(next)
    }
    if (!removeFrom(path[path.length - 1]!, slot, value)) return false
    this.#size--
    for (let i = path.length - 1; i > 0 && isEmpty(path[i]!); i--) removeChild(path[i - 1]!, levels[i - 1]!)
    return true
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
      const first = this.#root.children?.get(topic.slice(0, end))
      if (first !== undefined) walk(first, topic, end + 1, visit)
    }
  }

  #addTo(node: TrieNode<T>, slot: 'here' | 'below', value: T): boolean {
    const there = node[slot]
    if (there instanceof Many) {
      if (there.values.has(value)) return false
      there.values.add(value)
    } else if (there === none) node[slot] = value
    else if (isSame(there, value)) return false
    else {
      const many = new Many<T>()
      many.values.add(there as T).add(value)
      node[slot] = many
    }
    this.#size++
    return true
  }
}

function removeFrom<T>(node: TrieNode<T>, slot: 'here' | 'below', value: T): boolean {
  const there = node[slot]
  if (there instanceof Many) {
    if (!there.values.delete(value)) return false
    if (there.values.size === 1) for (const last of there.values) node[slot] = last
    return true
  }
  if (there === none || !isSame(there, value)) return false
  node[slot] = none
  return true
}

/** As a `Set` compares. */
function isSame(a: unknown, b: unknown): boolean {
  return a === b || Object.is(a, b)
}

/**
 * Visits what matches from `top` on, where the topic's next level starts at `topStart`; the topic has ended where that is past its
 * end. Where both a `+` and a level of that name lead on, one of them waits in a list: neither a long topic nor many
 * filters can exhaust the stack.
 */
function walk<T>(top: TrieNode<T>, topic: string, topStart: number, visit: (value: T) => void): void {
  let node: TrieNode<T> | undefined = top
  let start = topStart
  let waiting: { readonly node: TrieNode<T>; readonly start: number }[] | undefined
  for (;;) {
    if (node === undefined) {
      const next = waiting?.pop()
      if (next === undefined) return
      node = next.node
      start = next.start
    }
    if (node.below !== none) visitAll(node.below, visit)
    if (start > topic.length) {
      if (node.here !== none) visitAll(node.here, visit)
      node = undefined
      continue
    }
    const end = levelEnd(topic, start)
    const { plus }: TrieNode<T> = node
    const named: TrieNode<T> | undefined = node.children?.get(topic.slice(start, end))
    start = end + 1
    if (named !== undefined && plus !== undefined) {
      waiting ??= []
      waiting.push({ node: plus, start })
    }
    node = named ?? plus
  }
}

function visitAll<T>(slot: T | Many<T>, visit: (value: T) => void): void {
  if (!(slot instanceof Many)) visit(slot)
  else for (const value of slot.values) visit(value)
}

function emptyNode<T>(): TrieNode<T> {
  return { children: undefined, plus: undefined, here: none, below: none }
}

function isEmpty<T>(node: TrieNode<T>): boolean {
  return node.here === none && node.below === none && node.plus === undefined && node.children === undefined
}

function child<T>(node: TrieNode<T>, level: string): TrieNode<T> | undefined {
  return level === '+' ? node.plus : node.children?.get(level)
}

function childOrNew<T>(node: TrieNode<T>, level: string): TrieNode<T> {
  if (level === '+') {
    node.plus ??= emptyNode()
    return node.plus
  }
  node.children ??= new Map()
  let next = node.children.get(level)
  if (next === undefined) {
    next = emptyNode()
    node.children.set(level, next)
  }
  return next
}

function removeChild<T>(node: TrieNode<T>, level: string): void {
  if (level === '+') {
    node.plus = undefined
    return
  }
  node.children?.delete(level)
  if (node.children?.size === 0) node.children = undefined
}
