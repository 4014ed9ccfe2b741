import type { CoapJob, CoapResult } from './coap/job.ts'
import type { MqttJob, MqttResult } from './job.ts'

/** What the parent asks of one generator process: plain data, sent over the fork's channel. */
export type LoadJob = MqttJob | CoapJob
export type LoadResult = MqttResult | CoapResult

export type LoadReport =
  | { readonly kind: 'done'; readonly result: LoadResult }
  | { readonly kind: 'failed'; readonly phase: string; readonly reason: string; readonly delivered: number }
