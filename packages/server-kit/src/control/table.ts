/** Above this many new rows it is cheaper to sort them in than to insert one at a time. */
const insertionsMax = 32

/**
 * The rows of one kind in one domain: by id, by key, and in the order of their keys. Keys are unique and are compared
 * by UTF-16 code unit, so that the order is the same on every machine.
 */
export class Table<Row extends { readonly id: string }> {
  readonly #keyOf: (row: Row) => string
  readonly #byId = new Map<string, Row>()
  readonly #byKey = new Map<string, Row>()
  readonly #ordered: Row[] = []
  /** Rows not yet in `#ordered`: loading and bulk creation must not cost an insertion each. */
  #added: Row[] = []

  constructor(keyOf: (row: Row) => string) {
    this.#keyOf = keyOf
  }

  get size(): number {
    return this.#byId.size
  }

  get(id: string): Row | undefined {
    return this.#byId.get(id)
  }

  byKey(key: string): Row | undefined {
    return this.#byKey.get(key)
  }

  /** Ids go first: a row must not be hidden by another that is named like its id. */
  find(idOrKey: string): Row | undefined {
    return this.#byId.get(idOrKey) ?? this.#byKey.get(idOrKey)
  }

  values(): IterableIterator<Row> {
    return this.#byId.values()
  }

  put(row: Row): void {
    const before = this.#byId.get(row.id)
    const key = this.#keyOf(row)
    this.#byId.set(row.id, row)
    if (before !== undefined && this.#keyOf(before) === key) {
      this.settle()
      this.#ordered[this.#indexAt(key)] = row
    } else {
      if (before !== undefined) this.#unlist(before)
      this.#added.push(row)
    }
    this.#byKey.set(key, row)
  }

  delete(id: string): void {
    const row = this.#byId.get(id)
    if (row === undefined) return
    this.#byId.delete(id)
    this.#unlist(row)
  }

  /** Rows whose key is at or behind the given one, in order; strictly behind with `exclusive`. */
  *from(key: string, exclusive: boolean): Generator<Row> {
    this.settle()
    let index = this.#indexAt(key)
    const first = this.#ordered[index]
    if (exclusive && first !== undefined && this.#keyOf(first) === key) index++
    for (; index < this.#ordered.length; index++) yield this.#ordered[index]!
  }

  #unlist(row: Row): void {
    const key = this.#keyOf(row)
    this.#byKey.delete(key)
    this.settle()
    this.#ordered.splice(this.#indexAt(key), 1)
  }

  /** Brings new rows into order. Reading does it too; a start does it before anybody waits. */
  settle(): void {
    if (this.#added.length === 0) return
    if (this.#added.length <= insertionsMax) {
      for (const row of this.#added) this.#ordered.splice(this.#indexAt(this.#keyOf(row)), 0, row)
    } else {
      for (const row of this.#added) this.#ordered.push(row)
      this.#ordered.sort((a, b) => (this.#keyOf(a) < this.#keyOf(b) ? -1 : 1))
    }
    this.#added = []
  }

  /** Index of the first row whose key is not below the given one. */
  #indexAt(key: string): number {
    let low = 0
    let high = this.#ordered.length
    while (low < high) {
      const middle = (low + high) >>> 1
      if (this.#keyOf(this.#ordered[middle]!) < key) low = middle + 1
      else high = middle
    }
    return low
  }
}
