import type { HistoryOptions } from './channel.ts'
import type { ReadOptions } from './http.ts'
import type { ReceivedMessage, ReceivedPage } from './messages.ts'

/** Page after page, oldest first, until nothing more matches. */
export async function* historyOf(
  read: (page: ReadOptions) => Promise<ReceivedPage>,
  { pageSize, pattern: _pattern, ...query }: HistoryOptions,
): AsyncGenerator<ReceivedMessage, void, undefined> {
  let after = query.after
  for (;;) {
    const page = await read({ ...query, after, limit: pageSize })
    yield* page.messages
    // With `last` what comes next lies before them.
    if (page.complete || page.next === undefined || query.last !== undefined) return
    after = page.next
  }
}
