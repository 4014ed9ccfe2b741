export interface PageQuery {
  /** Opaque: the `next` of the page before. */
  readonly cursor?: string | undefined
  /** 1 to 1,000; 100 by default. */
  readonly limit?: number | undefined
}

export interface Page<Item> {
  readonly items: readonly Item[]
  /** Absent on the last page. */
  readonly next?: string | undefined
}
