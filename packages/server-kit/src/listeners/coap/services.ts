import type { ListenerContext } from '../../contracts/index.ts'
import { type CoapCounters, coapCounters } from './counters.ts'
import { Downloads } from './downloads.ts'
import { EchoValues } from './echo.ts'
import { Observers } from './observers.ts'
import type { ServiceLimits } from './options.ts'
import { Recognition } from './recognition.ts'
import { Resources } from './resources.ts'
import { Sessions } from './sessions.ts'
import { Transfers } from './transfers.ts'
import { Uploads } from './uploads.ts'

/** What a listener has behind its message layer, whatever the transport. */
export interface Services {
  readonly counters: CoapCounters
  readonly echo: EchoValues
  readonly resources: Resources
  readonly observers: Observers
  /** About once a second. */
  tick(): void
  /** Ends the observations, lets `settled` finish what is under way, and says farewell. */
  close(settled: () => Promise<void>): Promise<void>
}

export type Transport = 'udp' | 'tcp' | 'websocket'

/** For what is under way when the listener stops. */
const drainMs = 2_000
const echoLifetimeMs = 120_000

export function composeServices(
  limits: ServiceLimits,
  { ingress, meter, onFault: report }: ListenerContext,
  transport: Transport,
  door: string,
): Services {
  const counters = coapCounters(meter)
  const onFault = (error: unknown) => report(error, { part: 'coap' })
  const nowMs = () => performance.now()
  const transfers = new Transfers(limits, counters, nowMs)
  const downloads = new Downloads(transfers, nowMs)
  const uploads = new Uploads(transfers, limits, counters, nowMs)
  const sessions = new Sessions({ ingress, limits, counters, onFault, nowMs })
  const observers = new Observers({ ingress, limits, counters, downloads, nowMs, onFault })
  const recognition = new Recognition()
  const echo = new EchoValues(echoLifetimeMs, nowMs)
  const gauge = (name: string, help: string, read: () => number) =>
    meter.gauge(`thingmesh_coap_${name}`, help, read, { transport, listener: door })
  gauge('observers', 'Observers.', () => observers.count)
  gauge('notifications_waiting_bytes', 'Notifications that wait for the one before.', () => observers.waitingBytes)
  gauge('transfers', 'Bodies under way in blocks.', () => transfers.count)
  gauge('transfers_bytes', 'Bytes of bodies under way in blocks.', () => transfers.bytes)
  return {
    counters,
    echo,
    observers,
    resources: new Resources({
      sessions,
      observers,
      uploads,
      downloads,
      recognition,
      echo,
      dialects: limits.dialects,
    }),
    tick() {
      transfers.tick()
      sessions.tick()
      observers.tick()
      recognition.tick()
    },
    async close(settled) {
      await observers.close()
      await Promise.race([settled(), new Promise(resolve => setTimeout(resolve, drainMs).unref())])
      await sessions.close()
    },
  }
}
