import { type Counter, type HandshakeFailure, handshakeFailures, type Meter } from '../../contracts/index.ts'

/** How MQTT's bytes come, as metrics label it. */
export type Transport = 'tcp' | 'tls' | 'websocket'

const limits = ['connections', 'connections-per-address', 'connect-timeout', 'keep-alive', 'drain-timeout'] as const
type Refusal = (typeof limits)[number] | HandshakeFailure

export interface ConnectionCounters {
  readonly refused: Readonly<Record<Refusal, Counter>>
  /** By the code of the error. */
  failed(code: string): Counter
  readonly bytes: { readonly received: Counter; readonly sent: Counter }
  readonly tooLargeForPeer: Counter
  /** No dialect of the peer's has a topic for it. */
  readonly unsayable: Counter
}

export function connectionCounters(meter: Meter, transport: Transport): ConnectionCounters {
  const names = transport === 'tls' ? [...limits, ...handshakeFailures] : limits
  const entries = names.map(limit => [
    limit,
    meter.counter('thingmesh_mqtt_refused_total', 'Connections refused or cut at a limit.', { limit, transport }),
  ])
  return {
    refused: Object.fromEntries(entries) as ConnectionCounters['refused'],
    failed: code =>
      meter.counter('thingmesh_mqtt_failures_total', 'Connections ended because of what the peer sent.', {
        code,
        transport,
      }),
    bytes: {
      received: meter.counter('thingmesh_mqtt_received_bytes_total', 'Bytes that MQTT peers have sent.', { transport }),
      sent: meter.counter('thingmesh_mqtt_sent_bytes_total', 'Bytes handed over for MQTT peers.', { transport }),
    },
    tooLargeForPeer: dropped(meter, 'too-large-for-peer'),
    unsayable: dropped(meter, 'no-topic-for-peer'),
  }
}

function dropped(meter: Meter, reason: string): Counter {
  const help = 'Accepted messages, or copies of them, that did not arrive.'
  return meter.counter('thingmesh_messages_dropped_total', help, { reason })
}
