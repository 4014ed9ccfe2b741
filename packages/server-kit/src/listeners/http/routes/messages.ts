import { type Draft, type Message, ThingmeshError } from '@thingmesh/core'
import type * as v from 'valibot'
import { splitCursor } from '../../../contracts/cursor.ts'
import type { Cursor, ReadRequest, Session } from '../../../contracts/index.ts'
import { ndjsonType } from '../batch.ts'
import { csvType } from '../csv.ts'
import { eventStreamType } from '../event-stream.ts'
import { idempotencyKeyHeader } from '../idempotency-key.ts'
import { messageEventsReply } from '../message-events.ts'
import { type PageLimits, pageReply, pageTypes } from '../message-pages.ts'
import { clearQuery, publishQuery, readQuery } from '../query-schemas.ts'
import { emptyReply, jsonType, type Reply } from '../reply.ts'
import { defineRoute, type Exchange, type Route } from '../route.ts'
import { batchLine, eventStream, message, messagePage, published, senmlPack, text } from '../schemas.ts'
import { senmlCborType, senmlJsonType } from '../senml.ts'
import { publish, publishBatch } from './publish.ts'
import { unfitting } from './unfitting.ts'

const lastEventIdHeader = 'last-event-id'

type ReadExchange = Exchange<v.InferOutput<typeof readQuery>, undefined, Session>

export interface MessageOptions extends PageLimits {
  readonly heartbeatMs: number
  readonly batchMessagesMax: number
}

/** Publishing, the log, and last values: each for a whole channel (its own address), and for a subtopic. */
export function messageRoutes(options: MessageOptions): readonly Route[] {
  return ['', '/{subtopic}'].flatMap(rest => {
    const path = `/channels/{channel}/messages${rest}`
    const suffix = rest === '' ? '' : 'WithSubtopic'
    const facts = { path, tag: 'messages', access: 'principal' } as const
    return [
      defineRoute({
        ...facts,
        method: 'POST',
        id: `publish${suffix}`,
        summary: 'Publish a message',
        description:
          'The body is the payload, verbatim, and the Content-Type header its content type. The answer comes after the ' +
          'message is in the log; with `qos=0` at once. `expires` is in seconds. `retain=true` keeps it as the last value. ' +
          'With `batch=true` the body is many: NDJSON with a message in each line, or a SenML pack, of which each ' +
          'measurement becomes a message below the address, under its name.',
        query: publishQuery,
        headers: {
          [idempotencyKeyHeader]:
            '1 to 64 printable ASCII characters. What the same publisher publishes again under the same key is stored ' +
            'once, and answered with the id of the first.',
        },
        body: 'payload',
        bodies: { [ndjsonType]: batchLine, [senmlJsonType]: senmlPack, [senmlCborType]: senmlPack },
        produces: [jsonType],
        responses: {
          202: {
            description: 'Accepted and, unless `qos=0`, stored; with `batch=true`, each for itself.',
            schema: published,
          },
        },
        handle: exchange => {
          const topic = topicOf(exchange.parameters)
          if (exchange.query.batch !== true) return publish(exchange, topic)
          return publishBatch(exchange, topic, options.batchMessagesMax)
        },
      }),
      defineRoute({
        ...facts,
        method: 'GET',
        id: `readMessages${suffix}`,
        summary: 'Read the log of messages, follow it, or read the last values',
        description:
          'In the order of the log, oldest first; `last` takes the newest instead. A subtopic may be a pattern with `+` ' +
          'and `#` (as %23). `wait` is how many seconds to wait for a first message where none matches yet. With ' +
          '`retained=true`: the last value of each address instead. In other forms than JSON the next cursor is in Thingmesh-Next. As ' +
          'text/event-stream: each message as it comes, with its cursor as event id; `Last-Event-ID` or `after` says ' +
          'where to go on, `last` how many to begin with.',
        query: readQuery,
        headers: {
          [lastEventIdHeader]:
            'Of text/event-stream: the cursor to go on after, as a browser sends it that comes back. Counts more than ' +
            '`after` and `last`.',
        },
        produces: [...pageTypes, eventStreamType],
        responses: {
          200: {
            description: 'A page of messages.',
            schema: messagePage,
            types: {
              [ndjsonType]: message,
              [csvType]: text,
              [senmlJsonType]: senmlPack,
              [senmlCborType]: senmlPack,
              [eventStreamType]: eventStream,
            },
            headers: {
              'Thingmesh-Next': 'The next cursor.',
              'Thingmesh-Complete': 'Whether nothing lies beyond it.',
              'Thingmesh-Left-Out': 'Of SenML: how many messages are neither SenML nor a number.',
            },
          },
          204: { description: 'SenML was asked for, and there are no measurements. The headers are those of 200.' },
        },
        handle: exchange => {
          if (exchange.accepted === eventStreamType) return followLog(exchange, options.heartbeatMs)
          if (exchange.query.token !== undefined) throw unfitting('token', 'together with text/event-stream')
          return exchange.query.retained === true ? readLatest(exchange, options) : readLog(exchange, options)
        },
      }),
      defineRoute({
        ...facts,
        method: 'DELETE',
        id: `clearLastValue${suffix}`,
        summary: 'Clear the last value of an address',
        description: 'Takes `retained=true` only: messages in the log go by retention, not one by one.',
        query: clearQuery,
        produces: [],
        responses: { 204: { description: 'Cleared; or there was none.' } },
        handle: clear,
      }),
    ]
  })
}

async function clear({ parameters, session }: Exchange<unknown, undefined, Session>): Promise<Reply> {
  const payload = new Uint8Array(0)
  const draft: Draft = { topic: topicOf(parameters), payload, contentType: '', delivery: 'at-least-once', retain: true }
  await session.publish(draft)?.committed
  return emptyReply(204)
}

async function readLog(exchange: ReadExchange, limits: PageLimits): Promise<Reply> {
  const { after, before, from, to, last, limit, publisher, wait } = exchange.query
  if (last !== undefined && limit !== undefined) {
    throw new ThingmeshError('invalid-argument', 'query has both last and limit, allowed is one of them')
  }
  const request: ReadRequest = {
    filter: filterOf(exchange.parameters),
    after,
    before,
    fromMs: from,
    toMs: to,
    publisher,
    limit: last ?? limit,
    newest: last !== undefined,
    waitMs: wait === undefined ? undefined : wait * 1000,
    signal: wait === undefined ? undefined : exchange.signal(),
  }
  const { messages, next, complete } = await exchange.session.read(request)
  return pageReply(exchange.session, exchange.accepted, messages, limits, { next, complete })
}

async function followLog({ query, parameters, request, session, signal }: ReadExchange, heartbeatMs: number) {
  const { after, last, token: _token, ...others } = query
  for (const [name, value] of Object.entries(others)) {
    if (value !== undefined) throw unfitting(name, 'without text/event-stream')
  }
  const filter = filterOf(parameters)
  // A browser that comes back says where it was: it has gone on since its address was written.
  const from = request.headers.get(lastEventIdHeader) || after
  // Nonsense is refused where it does not count, too. Of which log it is does not matter there: addresses grow old.
  if (after !== undefined) splitCursor(after)
  const isFirst = from === undefined && last !== undefined
  const newest = isFirst ? await readNewest(session, filter, last, signal()) : []
  const begin = isFirst ? positionAfter(newest, session) : from
  const follow = (ended: AbortSignal) =>
    session.follow({ filter, after: begin, signal: AbortSignal.any([ended, signal()]) })
  return messageEventsReply(session, follow, { newest, heartbeatMs })
}

/** Behind the last of them; where there are none, at the beginning of the log, which then has none to tell. */
function positionAfter(messages: readonly Message[], session: Session): Cursor {
  const last = messages.at(-1)
  return last === undefined ? '0' : session.cursorOf(last)
}

/** However far back they lie: a page may be short, or empty, and not the end. */
async function readNewest(session: Session, filter: string, count: number, signal: AbortSignal) {
  const newest: Message[] = []
  let before: Cursor | undefined
  for (;;) {
    const page = await session.read({ filter, newest: true, limit: count - newest.length, before })
    newest.unshift(...page.messages)
    if (page.complete || newest.length === count || signal.aborted) return newest
    before = page.next
  }
}

async function readLatest(exchange: ReadExchange, limits: PageLimits): Promise<Reply> {
  const others = Object.entries(exchange.query).filter(([name, value]) => name !== 'retained' && value !== undefined)
  if (others.length > 0) throw unfitting(others[0]![0], 'without retained')
  const { session, accepted, parameters } = exchange
  return pageReply(session, accepted, await session.latest(filterOf(parameters)), limits)
}

function topicOf({ channel = '', subtopic }: Readonly<Record<string, string>>): string {
  return subtopic === undefined ? channel : `${channel}/${subtopic}`
}

/** No pattern at all is the whole channel. What is a topic or a filter is the hub's to say, as on every protocol. */
function filterOf({ channel = '', subtopic = '#' }: Readonly<Record<string, string>>): string {
  return `${channel}/${subtopic}`
}
