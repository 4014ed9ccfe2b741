import type { MetricFamily } from '../contracts/index.ts'

const spansMinutes = [1, 5, 15] as const

/**
 * What the hub says of itself, read from its meter, under the names that Mosquitto gives such values (mosquitto(8), "Broker status").
 * A message here is one that was published, not a packet of any kind.
 */
export class SystemValues {
  readonly #version: string
  readonly #startedAt = performance.now()
  readonly #loads = ['messages/received', 'messages/sent', 'publish/dropped'].map(name => new Load(name))
  #connectedMax = 0

  constructor(version: string) {
    this.#version = version
  }

  /** By the rest of the topic, behind `$SYS/broker/`. Loads go by the time since the last call. */
  read(metrics: readonly MetricFamily[]): ReadonlyMap<string, string> {
    const sums = new Map(metrics.map(({ name, samples }) => [name, samples.reduce((sum, { value }) => sum + value, 0)]))
    const sum = (name: string) => sums.get(`thingmesh_${name}`) ?? 0
    const connected = sum('sessions')
    const kept = sum('sessions_kept')
    this.#connectedMax = Math.max(this.#connectedMax, connected)
    const counts = [sum('messages_in_total'), sum('messages_out_total'), sum('messages_dropped_total')] as const
    const [received, sent, dropped] = counts
    const values: readonly (readonly [string, number])[] = [
      ['clients/connected', connected],
      ['clients/disconnected', Math.max(0, kept - connected)],
      ['clients/total', Math.max(kept, connected)],
      ['clients/maximum', this.#connectedMax],
      ['messages/received', received],
      ['messages/sent', sent],
      ['publish/messages/received', received],
      ['publish/messages/sent', sent],
      ['publish/messages/dropped', dropped],
      ['bytes/received', sum('mqtt_received_bytes_total')],
      ['bytes/sent', sum('mqtt_sent_bytes_total')],
      ['subscriptions/count', sum('subscriptions')],
      ['shared_subscriptions/count', sum('shared_subscriptions')],
      ['retained messages/count', sum('retained_messages')],
    ]
    const now = performance.now()
    return new Map([
      ['version', `thingmesh version ${this.#version}`],
      ['uptime', `${Math.floor((now - this.#startedAt) / 1000)} seconds`],
      ...values.map(([name, value]) => [name, String(value)] as const),
      ...this.#loads.flatMap((load, i) => load.observe(counts[i]!, now)),
    ])
  }
}

/** How many a minute, averaged over some spans, the recent ones weighing most. */
class Load {
  readonly #name: string
  #count = 0
  #at = performance.now()
  readonly #averages = spansMinutes.map(() => 0)

  constructor(name: string) {
    this.#name = name
  }

  observe(count: number, now: number): readonly (readonly [string, string])[] {
    const minutes = (now - this.#at) / 60_000
    const rate = minutes > 0 ? (count - this.#count) / minutes : 0
    this.#count = count
    this.#at = now
    return spansMinutes.map((span, i) => {
      const kept = Math.exp(-minutes / span)
      this.#averages[i] = this.#averages[i]! * kept + rate * (1 - kept)
      return [`load/${this.#name}/${span}min`, this.#averages[i]!.toFixed(2)]
    })
  }
}
