import type { Dialect } from '../../contracts/index.ts'

/** What is kept with a subscription to write topics for it the way its filter was written. */
export function labelOf({ name }: Dialect, variant: string): string {
  return variant === '' ? name : `${name} ${variant}`
}

/** Topics as the peers of a listener want to read them. */
export class TopicWriter {
  readonly #dialects: ReadonlyMap<string, Dialect>

  constructor(dialects: readonly Dialect[]) {
    this.#dialects = new Map(dialects.map(dialect => [dialect.name, dialect]))
  }

  /**
   * `undefined` where the dialect has no way to say it. A label of a dialect that this listener does not have any more
   * stands for our own way.
   */
  write(topic: string, label: string | undefined): string | undefined {
    if (label === undefined) return topic
    const space = label.indexOf(' ')
    const dialect = this.#dialects.get(space === -1 ? label : label.slice(0, space))
    return dialect === undefined ? topic : dialect.writeTopic(topic, space === -1 ? '' : label.slice(space + 1))
  }
}
