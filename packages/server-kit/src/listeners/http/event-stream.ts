import type { Message } from '@thingmesh/core'
import type { MessagePage } from '../../contracts/index.ts'
import { toMessageJson } from './messages-json.ts'
import { type BodyStream, type Reply, streamReply } from './reply.ts'

export const eventStreamType = 'text/event-stream'

/** How long a browser waits before it comes back. */
const retryMs = 2_000

/**
 * Messages as server-sent events (HTML Living Standard, section 9.2): one event each, with the cursor as its id, so that a browser that
 * comes back says by itself, in `Last-Event-ID`, where to go on.
 */
export function eventStreamReply(
  follow: (signal: AbortSignal) => AsyncIterable<MessagePage>,
  { newest, heartbeatMs }: { readonly newest: readonly Message[]; readonly heartbeatMs: number },
): Reply {
  const ended = new AbortController()
  // Here and not in the stream: what may not be followed is refused before there is a stream.
  const pages = follow(ended.signal)[Symbol.asyncIterator]()
  const stream: BodyStream = async write => {
    try {
      await write(`retry: ${retryMs}\n\n${newest.map(toEvent).join('')}`)
      let seen: number | undefined
      let next = pages.next()
      for (;;) {
        const result = await within(next, heartbeatMs)
        if (result === 'nothing yet') await write(toHeartbeat(seen))
        else if (result.done) return
        else {
          seen = result.value.scannedTo
          const events = result.value.messages.map(toEvent).join('')
          if (events !== '') await write(events)
          next = pages.next()
        }
      }
    } finally {
      ended.abort()
    }
  }
  return streamReply(eventStreamType, stream)
}

function toEvent(message: Message): string {
  return `id: ${message.sequence}\ndata: ${JSON.stringify(toMessageJson(message))}\n\n`
}

/** No event, but it moves the browser's `Last-Event-ID` past what was not for it, and shows who has gone. */
function toHeartbeat(seen: number | undefined): string {
  return seen === undefined ? ': nothing new\n\n' : `: nothing new\nid: ${seen}\n\n`
}

async function within<Value>(promise: Promise<Value>, ms: number): Promise<Value | 'nothing yet'> {
  let timer: NodeJS.Timeout | undefined
  const late = new Promise<'nothing yet'>(resolve => {
    timer = setTimeout(resolve, ms, 'nothing yet')
  })
  try {
    return await Promise.race([promise, late])
  } finally {
    clearTimeout(timer)
  }
}
