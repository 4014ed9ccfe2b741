import type { Message } from '@thingmesh/core'
import type { MessagePage } from '../../contracts/index.ts'
import { eventStreamReply, plainHeartbeat, toEvent } from './event-stream.ts'
import { toMessageJson } from './messages-json.ts'
import type { Reply } from './reply.ts'

/**
 * Messages as events: one each, with the cursor as its id, so that a browser that comes back says by itself, in
 * `Last-Event-ID`, where to go on.
 */
export function messageEventsReply(
  follow: (signal: AbortSignal) => AsyncIterable<MessagePage>,
  { newest, heartbeatMs }: { readonly newest: readonly Message[]; readonly heartbeatMs: number },
): Reply {
  let seen: number | undefined
  return eventStreamReply({
    follow,
    first: newest.map(toMessageEvent).join(''),
    toEvents(page: MessagePage) {
      seen = page.scannedTo
      return page.messages.map(toMessageEvent).join('')
    },
    // It moves the browser's `Last-Event-ID` past what was not for it.
    toHeartbeat: () => (seen === undefined ? plainHeartbeat : `: nothing new\nid: ${seen}\n\n`),
    heartbeatMs,
  })
}

function toMessageEvent(message: Message): string {
  return toEvent(toMessageJson(message), message.sequence)
}
