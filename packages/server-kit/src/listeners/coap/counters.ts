import type { Counter, Meter } from '../../contracts/index.ts'

const refusals = [
  'datagram-bytes',
  'malformed',
  'body-bytes',
  'transfers',
  'transfers-bytes',
  'transfer-idle',
  'requests-per-peer',
  'requests',
  'observers-per-peer',
  'observers',
  'address-proof',
  'socket-bytes',
  'connections',
  'connections-per-address',
  'settings-timeout',
  'drain-timeout',
] as const
const forgotten = ['exchanges-per-peer', 'exchanges', 'peers', 'sessions'] as const
const endings = ['deregistered', 'reset', 'timeout', 'refused'] as const

export interface CoapCounters {
  /** Refused, or not sent, at a limit. */
  readonly refused: Readonly<Record<(typeof refusals)[number], Counter>>
  /** Let go of to stay within a limit. */
  readonly forgotten: Readonly<Record<(typeof forgotten)[number], Counter>>
  readonly ended: Readonly<Record<(typeof endings)[number], Counter>>
  readonly duplicates: Counter
  readonly retransmissions: Counter
  /** An estimate: the outcome is asked of one datagram in sixteen. */
  readonly unsent: Counter
}

export type ObserverEnding = (typeof endings)[number]

export function coapCounters(meter: Meter): CoapCounters {
  const byLabel = <Name extends string>(family: string, help: string, label: string, names: readonly Name[]) =>
    Object.fromEntries(names.map(name => [name, meter.counter(family, help, { [label]: name })])) as Record<
      Name,
      Counter
    >
  return {
    refused: byLabel('thingmesh_coap_refused_total', 'Refused or not sent at a limit.', 'limit', refusals),
    forgotten: byLabel('thingmesh_coap_forgotten_total', 'Let go of to stay within a limit.', 'limit', forgotten),
    ended: byLabel('thingmesh_coap_observers_ended_total', 'Observers that are none any more.', 'reason', endings),
    duplicates: meter.counter('thingmesh_coap_duplicates_total', 'Requests that came again and were not acted on.'),
    retransmissions: meter.counter(
      'thingmesh_coap_retransmissions_total',
      'Messages sent again for want of an answer.',
    ),
    unsent: meter.counter(
      'thingmesh_coap_unsent_total',
      'Datagrams that the system did not take, about: one in sixteen is asked after.',
    ),
  }
}
