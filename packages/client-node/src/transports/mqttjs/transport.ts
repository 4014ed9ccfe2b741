import { isThingmeshError, ThingmeshError, type Transport } from '@thingmesh/core'
import { type MqttTransportOptions, SessionState } from '@thingmesh/core/mqtt-client'
import { connect, type IClientOptions, type MqttClient } from 'mqtt'
import { errorOf, MqttJsConnection } from './connection.ts'

export interface MqttJsTransportOptions extends Omit<MqttTransportOptions, 'wireBytesMax'> {
  /** 5 by default. 4 is MQTT 3.1.1, for brokers that know no other: it has no content types, reply
   * topics, headers and idempotency keys, and its broker keeps the session for as long as it likes. */
  readonly protocolVersion?: 4 | 5 | undefined
  /** What else MQTT.js is to know: certificates, a proxy's headers, a stream of your own. What the transport needs it sets. */
  readonly mqtt?: IClientOptions | undefined
}

/**
 * MQTT 5 or 3.1.1 by MQTT.js, for `openClient`: its connections and ways through proxies, with this client's loop, outbox and
 * subscriptions. `url` is what MQTT.js takes.
 */
export function mqttJsTransport(url: string, options: MqttJsTransportOptions): Transport {
  const state = new SessionState(options.clientId ?? `tm-${crypto.randomUUID()}`)
  const timeoutMs = options.timeoutMs ?? 10_000
  return {
    async open(signal) {
      if (signal.aborted) throw canceled()
      const client = connect(url, toClientOptions(options, state, timeoutMs))
      const connection = new MqttJsConnection(client, state, { timeoutMs, level: options.protocolVersion ?? 5 })
      const cancel = (): void => connection.end(canceled())
      signal.addEventListener('abort', cancel)
      try {
        await connected(client, connection)
        return connection
      } catch (error) {
        const reason = isThingmeshError(error) ? error : errorOf(error)
        connection.end(reason)
        throw reason
      } finally {
        signal.removeEventListener('abort', cancel)
      }
    },
  }
}

function connected(client: MqttClient, connection: MqttJsConnection): Promise<void> {
  return new Promise((resolve, reject) => {
    client.once('connect', () => resolve())
    // Later ones mean that the connection breaks, which `close` tells.
    client.on('error', reject)
    void connection.closed.then(reject)
  })
}

function toClientOptions(options: MqttJsTransportOptions, state: SessionState, timeoutMs: number): IClientOptions {
  const { thing, key, sessionSeconds = 3_600, keepAliveSeconds = 30, protocolVersion = 5 } = options
  const properties = {
    sessionExpiryInterval: sessionSeconds,
    receiveMaximum: options.receiveMaximum ?? 256,
    maximumPacketSize: options.packetBytesMax ?? 1_048_576,
  }
  return {
    ...options.mqtt,
    protocolVersion,
    // The loop and the queue are the client's.
    reconnectPeriod: 0,
    queueQoSZero: false,
    resubscribe: false,
    connectTimeout: timeoutMs,
    clientId: state.clientId,
    // In MQTT 3.1.1 a clean session is one that ends with its connection.
    clean: protocolVersion === 5 && !state.established,
    keepalive: keepAliveSeconds,
    ...(thing === undefined ? {} : { username: thing }),
    ...(key === undefined ? {} : { password: key }),
    ...(protocolVersion === 5 ? { properties } : {}),
  }
}

function canceled(): ThingmeshError {
  return new ThingmeshError('canceled', 'the caller gave up', { outcome: 'not-sent' })
}
