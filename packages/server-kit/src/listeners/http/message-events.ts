import type { Message } from '@thingmesh/core'
import type { ReadPage, Session } from '../../contracts/index.ts'
import { eventStreamReply, plainHeartbeat, toEvent } from './event-stream.ts'
import { toMessageJson } from './messages-json.ts'
import type { Reply } from './reply.ts'

/**
 * Messages as events: one each, with the cursor as its id, so that a browser that comes back says by itself, in
 * `Last-Event-ID`, where to go on.
 */
export function messageEventsReply(
  session: Pick<Session, 'cursorOf'>,
  follow: (signal: AbortSignal) => AsyncIterable<ReadPage>,
  { newest, heartbeatMs }: { readonly newest: readonly Message[]; readonly heartbeatMs: number },
): Reply {
  let seen: string | undefined
  const toEvents = (messages: readonly Message[]) => messages.map(one => toMessageEvent(one, session)).join('')
  return eventStreamReply({
    follow,
    first: toEvents(newest),
    toEvents({ messages, next }: ReadPage) {
      seen = next
      return toEvents(messages)
    },
    // It moves the browser's `Last-Event-ID` past what was not for it.
    toHeartbeat: () => (seen === undefined ? plainHeartbeat : `: nothing new\nid: ${seen}\n\n`),
    heartbeatMs,
  })
}

function toMessageEvent(message: Message, session: Pick<Session, 'cursorOf'>): string {
  const cursor = session.cursorOf(message)
  return toEvent(toMessageJson(message, cursor), cursor)
}
