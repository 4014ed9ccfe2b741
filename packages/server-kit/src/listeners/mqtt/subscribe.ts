import { isThingmeshError } from '@thingmesh/core'
import {
  type Properties,
  ReasonCode,
  type SubackPacket,
  type SubscribePacket,
  subscriptionProperty,
  type UnsubackPacket,
} from '@thingmesh/core/mqtt'
import type { SubscribeRequest, SubscribeResult } from '../../contracts/index.ts'
import { toDelivery, toQoS } from './mapping.ts'
import { toReason, toSubackReason } from './reasons.ts'
import { readFilter, type TopicReader } from './topic-reader.ts'

type Refused = Extract<SubscribeResult, { readonly ok: false }>

const replayWhen = ['always', 'if-new', 'never'] as const

/** What each filter asks for; a refusal where the dialect that it is written in does not have it. */
export function toRequests(
  { subscriptions, properties }: SubscribePacket,
  reader: TopicReader | undefined,
): readonly (SubscribeRequest | Refused)[] {
  const subscriptionId = properties?.subscriptionIdentifiers?.[0]
  return subscriptions.map(({ filter, qos, noLocal, retainAsPublished, retainHandling }) => {
    const read = readFilter(reader, filter)
    if (isThingmeshError(read)) return { ok: false, error: read }
    const replay = replayWhen[retainHandling]
    return { ...read, delivery: toDelivery(qos), noLocal, retainAsPublished, replay, subscriptionId }
  })
}

export function isRequest(asked: SubscribeRequest | Refused): asked is SubscribeRequest {
  return !('ok' in asked)
}

export interface SubackTerms {
  /** Why a filter was refused, in words; one text for the whole packet is all that MQTT has room for, and one error where it is the only one. */
  readonly isTold: boolean
  /** The peer was told that its session is there, and may take its subscriptions to be. */
  readonly isResumed: boolean
}

export function toSuback(
  packetId: number,
  results: readonly SubscribeResult[],
  { isTold, isResumed }: SubackTerms,
): SubackPacket {
  const reasonCodes = results.map(result => (result.ok ? toQoS(result.delivery) : toSubackReason(result.error)))
  const errors = results.flatMap(result => (result.ok ? [] : [result.error]))
  const [first] = errors
  const reasons = new Set(errors.map(({ message }) => message))
  const isOne = errors.every(({ code }) => code === first?.code)
  if (!isTold) return { type: 'suback', packetId, reasonCodes }
  const reason =
    first === undefined ? undefined : { ...(isOne && toReason(first)), reasonString: [...reasons].join('; ') }
  const hasNew = isResumed && results.some(result => result.ok && result.isNew)
  const news: Properties = { userProperties: [[subscriptionProperty, 'new'], ...(reason?.userProperties ?? [])] }
  return { type: 'suback', packetId, reasonCodes, properties: hasNew ? { ...reason, ...news } : reason }
}

export function toUnsuback(packetId: number, known: readonly boolean[]): UnsubackPacket {
  const reasonCodes = known.map(was => (was ? ReasonCode.success : ReasonCode.noSubscriptionExisted))
  return { type: 'unsuback', packetId, reasonCodes }
}
