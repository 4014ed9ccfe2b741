import { isThingmeshError, resolveOptions, ThingmeshError, type Transport } from '@thingmesh/core'
import { type MqttTerms, type MqttTransportOptions, mqttRules, SessionState } from '@thingmesh/core/mqtt-client'
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
 * subscriptions. `url` is what MQTT.js takes. Throws `TypeError` for options that make no sense.
 */
export function mqttJsTransport(url: string, options: MqttJsTransportOptions): Transport {
  const state = new SessionState(options.clientId ?? `tm-${crypto.randomUUID()}`)
  const terms = resolveOptions(options, mqttRules)
  const { timeoutMs } = terms
  // It is a number, where all other choices are texts.
  const { protocolVersion = 5 } = options
  if (protocolVersion !== 4 && protocolVersion !== 5)
    throw new TypeError(`protocolVersion: found ${typeof protocolVersion} ${protocolVersion}, the limit is 4, 5`)
  return {
    async open(signal) {
      if (signal.aborted) throw canceled()
      const client = connect(url, toClientOptions(options, state, terms))
      const connection = new MqttJsConnection(client, state, { timeoutMs, level: protocolVersion })
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

function toClientOptions(options: MqttJsTransportOptions, state: SessionState, terms: MqttTerms): IClientOptions {
  const { thing, key, protocolVersion = 5 } = options
  const { sessionSeconds, keepAliveSeconds, timeoutMs } = terms
  const properties = {
    sessionExpiryInterval: sessionSeconds,
    receiveMaximum: terms.receiveMaximum,
    maximumPacketSize: terms.packetBytesMax,
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
