import { type Draft, isThingmeshError, ThingmeshError, toThingmeshError } from '@thingmesh/core'
import type * as v from 'valibot'
import type { Session } from '../../../contracts/index.ts'
import { type BatchEntry, type BatchTerms, toBatch } from '../batch.ts'
import { errorReply, toErrorJson } from '../errors.ts'
import { idempotencyKeyOf } from '../idempotency-key.ts'
import type { publishQuery } from '../query-schemas.ts'
import { jsonReply, type Reply } from '../reply.ts'
import type { Exchange } from '../route.ts'

type PublishExchange = Exchange<v.InferOutput<typeof publishQuery>, Uint8Array, Session>

/** The body is one message. */
export async function publish({ query, body, request, session }: PublishExchange, topic: string): Promise<Reply> {
  const contentType = contentTypeOf(request)
  if (!/^[\x20-\x7e]{0,256}$/.test(contentType)) {
    throw new ThingmeshError('invalid-argument', 'content-type is more than 256 printable ascii characters')
  }
  const key = idempotencyKeyOf(request)
  if (key !== undefined && query.qos === '0') {
    throw new ThingmeshError('invalid-argument', 'idempotency-key comes with qos=0, allowed only with qos=1')
  }
  const { expiresInSeconds, ...terms } = termsOf(query, topic)
  const properties = expiresInSeconds === undefined ? undefined : { expiresInSeconds }
  const published = session.publish({ ...terms, payload: body, contentType, properties, key })
  if (published === undefined) return jsonReply(202, {})
  await published.committed
  return jsonReply(202, { id: published.id })
}

/** The body is many. All are handed over in one turn, so that they share a commit. */
export async function publishBatch(exchange: PublishExchange, topic: string, entriesMax: number): Promise<Reply> {
  const { query, body, request, session } = exchange
  if (idempotencyKeyOf(request) !== undefined) {
    throw new ThingmeshError(
      'invalid-argument',
      'idempotency-key comes with batch=true, where each line has its own key',
    )
  }
  const batch = toBatch(body, contentTypeOf(request), termsOf(query, topic), entriesMax)
  if (batch === undefined) {
    const message = 'content-type is neither application/x-ndjson nor application/senml+json nor application/senml+cbor'
    return errorReply(new ThingmeshError('unsupported', message), 415)
  }
  const handedOver = batch.map(entry => handOver(session, entry))
  return jsonReply(202, { results: await Promise.all(handedOver) })
}

/** Settles with what came of it, and never rejects. */
async function handOver(session: Session, entry: BatchEntry): Promise<object> {
  try {
    if (isThingmeshError(entry)) throw entry
    const published = session.publish(entry)
    if (published === undefined) return {}
    await published.committed
    return { id: published.id }
  } catch (error) {
    return { error: toErrorJson(toThingmeshError(error)) }
  }
}

function termsOf({ qos, retain, expires }: PublishExchange['query'], topic: string): BatchTerms {
  const delivery: Draft['delivery'] = qos === '0' ? 'at-most-once' : 'at-least-once'
  return { topic, delivery, retain: retain === true, expiresInSeconds: expires }
}

/** `curl --data` says "form" of whatever it sends, so that says nothing about a payload. */
function contentTypeOf({ headers }: Request): string {
  const contentType = headers.get('content-type') ?? ''
  return contentType === 'application/x-www-form-urlencoded' ? '' : contentType
}
