import type { Message } from '@thingmesh/core'
import type { Session } from '../../contracts/index.ts'
import { ndjsonType } from './batch.ts'
import { csvType, toCsv } from './csv.ts'
import { toMessageJson } from './messages-json.ts'
import { bodyReply, emptyReply, jsonReply, jsonType, type Reply } from './reply.ts'
import { encodeAll, measure, senmlCborType, senmlJsonType } from './senml.ts'

/** What messages that were read may come as. */
export const pageTypes = [jsonType, ndjsonType, csvType, senmlJsonType, senmlCborType] as const

/** Where to go on from. Last values have none: all of them come. */
export interface PagePosition {
  readonly next: string
  readonly complete: boolean
}

export interface PageLimits {
  readonly measurementsMax: number
}

export function pageReply(
  session: Pick<Session, 'cursorOf'>,
  type: string,
  messages: readonly Message[],
  limits: PageLimits,
  position?: PagePosition,
): Reply {
  const toJson = (message: Message) => toMessageJson(message, session.cursorOf(message))
  if (type === jsonType) return jsonReply(200, { messages: messages.map(toJson), ...position })
  const headers: Record<string, string> =
    position === undefined ? {} : { 'thingmesh-next': position.next, 'thingmesh-complete': String(position.complete) }
  if (type === ndjsonType) {
    return bodyReply(200, type, messages.map(message => `${JSON.stringify(toJson(message))}\n`).join(''), headers)
  }
  if (type === csvType) return bodyReply(200, `${type};charset=utf-8;header=present`, toCsv(messages), headers)
  return senmlReply(type, messages, limits, headers)
}

/** There is no pack without a record (RFC 8428, section 9). */
function senmlReply(
  type: string,
  messages: readonly Message[],
  { measurementsMax }: PageLimits,
  headers: Readonly<Record<string, string>>,
): Reply {
  const { measurements, leftOut } = measure(messages, measurementsMax)
  const all = { ...headers, 'thingmesh-left-out': String(leftOut) }
  if (measurements.length === 0) return emptyReply(204, all)
  return bodyReply(200, type, encodeAll(type, measurements), all)
}
