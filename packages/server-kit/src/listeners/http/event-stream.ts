import { isThingmeshError, type ThingmeshError } from '@thingmesh/core'
import { toErrorJson } from './errors.ts'
import { type BodyStream, type Reply, streamReply } from './reply.ts'

export const eventStreamType = 'text/event-stream'

/** How long a browser waits before it comes back. */
const retryMs = 2_000

export interface EventSource<Page> {
  /** Throws at once what may not be followed. */
  follow(signal: AbortSignal): AsyncIterable<Page>
  /** What to say first, as events; `''` for nothing. */
  readonly first: string
  /** The events of a page; `''` where it has none. */
  toEvents(page: Page): string
  /** For while there is nothing to say: no event, but it shows who has gone. */
  toHeartbeat(): string
  readonly heartbeatMs: number
}

/** Server-sent events (HTML Living Standard, section 9.2), for as long as both sides go on. */
export function eventStreamReply<Page>(source: EventSource<Page>): Reply {
  const ended = new AbortController()
  // Here and not in the stream: what may not be followed is refused before there is a stream.
  const pages = source.follow(ended.signal)[Symbol.asyncIterator]()
  const stream: BodyStream = async write => {
    try {
      await write(`retry: ${retryMs}\n\n${source.first}`)
      let next = pages.next()
      for (;;) {
        const result = await within(next, source.heartbeatMs)
        if (result === 'nothing yet') await write(source.toHeartbeat())
        else if (result.done) return
        else {
          const events = source.toEvents(result.value)
          if (events !== '') await write(events)
          next = pages.next()
        }
      }
    } catch (thrown) {
      if (!isRefusal(thrown)) throw thrown
      await write(toErrorEvent(thrown))
    } finally {
      ended.abort()
    }
  }
  return streamReply(eventStreamType, stream)
}

/** For what is in no log, and has no position to come back to. */
export const plainHeartbeat = ': nothing new\n\n'

/** What was allowed when the stream began. A browser that comes back is answered with it, and gives up. */
function isRefusal(error: unknown): error is ThingmeshError {
  return isThingmeshError(error) && (error.code === 'permission-denied' || error.code === 'not-found')
}

/** By this name a browser tells the same function of it as of a stream that broke, with `data`. */
function toErrorEvent(error: ThingmeshError): string {
  return `event: error\n${toEvent({ error: toErrorJson(error) })}`
}

/** `value` as JSON has no line feed in it. */
export function toEvent(value: unknown, id?: string): string {
  return `${id === undefined ? '' : `id: ${id}\n`}data: ${JSON.stringify(value)}\n\n`
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
