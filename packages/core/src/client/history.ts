import { type ReadOptions, readRules } from './http.ts'
import type { ReceivedMessage, ReceivedPage } from './messages.ts'
import { resolveOptions } from './option-rules.ts'

/** `signal` ends the reading with `canceled`. Times, cursors and pages as in `ReadOptions`. */
export interface HistoryOptions extends Pick<ReadOptions, 'after' | 'fromMs' | 'toMs' | 'publisher' | 'signal'> {
  readonly pattern?: string | undefined
  /** The newest so many, 1 to 1,000, oldest first, and nothing more; fewer where they lie deeper than a hub looks for one page. */
  readonly last?: number | undefined
  /** Messages asked for at a time, 1 to 1,000; 100 by default. Not with `last`. */
  readonly pageSize?: number | undefined
}

/** Page after page, oldest first, until nothing more matches. Throws `TypeError` for options that make no sense. */
export async function* readHistory(
  read: (page: ReadOptions) => Promise<ReceivedPage>,
  options: HistoryOptions,
): AsyncGenerator<ReceivedMessage, void, undefined> {
  resolveOptions(options, { ...readRules, pageSize: readRules.limit })
  const { pageSize, pattern: _pattern, ...query } = options
  let after = query.after
  for (;;) {
    const page = await read({ ...query, after, limit: pageSize })
    yield* page.messages
    // With `last` what comes next lies before them.
    if (page.complete || page.next === undefined || query.last !== undefined) return
    after = page.next
  }
}
