import { isThingmeshError, ThingmeshError } from '@thingmesh/core'
import type { HandlerContext } from './handler-context.ts'
import type { BodyStream } from './reply.ts'

/** The answers that go on, bounded in number. */
export interface Streams {
  /** Open now. */
  readonly size: number
  /** Takes a place until the stream has ended, whoever ended it. Throws `unavailable` where there is none left. */
  hold(stream: BodyStream, ended: () => void): BodyStream
}

export function openStreams({ meter, onFault }: HandlerContext, streamsMax: number): Streams {
  const refused = meter.counter('thingmesh_http_refused_total', 'Refused before a route saw it.', { limit: 'streams' })
  let open = 0
  return {
    get size() {
      return open
    },
    hold(stream, ended) {
      if (open >= streamsMax) {
        refused.value++
        throw new ThingmeshError('unavailable', `${open} streams are open, the limit is ${streamsMax}`, {
          retryAfterSeconds: 5,
        })
      }
      open++
      return async write => {
        try {
          await stream(write)
        } catch (error) {
          if (!isThingmeshError(error) || error.code !== 'canceled') onFault(error, { part: 'http' })
          throw error
        } finally {
          open--
          ended()
        }
      }
    },
  }
}
