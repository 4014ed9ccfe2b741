import type { ReceivedPage } from './messages.ts'

/** Of the options for reading, those that this needs. */
export type LogEndQuery = { readonly after?: string; readonly limit: number } | { readonly last: number }

/**
 * Where the log ends now, for a reader of what comes after. With `last` a page says where to go on *before* it, which is no
 * place to go on after; so where nothing matches yet the log is read forwards, to its end.
 */
export async function findLogEnd(read: (query: LogEndQuery) => Promise<ReceivedPage>): Promise<string> {
  const newest = (await read({ last: 1 })).messages.at(-1)
  if (newest !== undefined) return newest.cursor
  let after: string | undefined
  for (;;) {
    const page = await read(after === undefined ? { limit: 1 } : { after, limit: 1 })
    // One that came meanwhile counts as before now.
    after = page.messages.at(-1)?.cursor ?? page.next ?? after
    if (page.messages.length > 0 || page.complete) return after ?? ''
  }
}
