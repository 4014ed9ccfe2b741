import { encodeToHub } from '../../bindings/mqtt/client/index.ts'
import { receiveMaximumProperty } from '../../bindings/mqtt/user-properties.ts'
import { encodeUtf8 } from '../../codec/utf8.ts'
import { isThingmeshError, ThingmeshError } from '../../errors/index.ts'
import { canceled, onAbort } from '../cancellation.ts'
import { randomName } from '../random-name.ts'
import type { Transport } from '../transport.ts'
import { type ConnectionTerms, inFlightMax, MqttConnection } from './connection.ts'
import { SessionState } from './session-state.ts'
import type { Dial } from './wire.ts'

export interface MqttTransportOptions {
  /** The user name: a thing's name or id. */
  readonly thing?: string | undefined
  /** The password: a thing's key, or an operator's token. */
  readonly key?: string | undefined
  /** Names the session at the hub; a random one by default. Two clients of one name push each other out. */
  readonly clientId?: string | undefined
  /** How long the hub keeps what comes while this client is away; 3,600 by default. */
  readonly sessionSeconds?: number | undefined
  /** 30 by default. A hub that is silent for half of it is asked whether it lives. */
  readonly keepAliveSeconds?: number | undefined
  /** For every answer of the hub; 10,000 by default. */
  readonly timeoutMs?: number | undefined
  /** At-least-once messages that the readers may have in front of them; 256 by default. */
  readonly receiveMaximum?: number | undefined
  /** Of a whole packet from the hub; 1,048,576 by default. */
  readonly packetBytesMax?: number | undefined
  /** Bytes on the wire beyond which at-most-once publishes are refused; 1,048,576 by default. */
  readonly wireBytesMax?: number | undefined
}

/**
 * MQTT 5 over whatever `dial` opens. The first connection begins a session; those after it take it up again, so that the
 * hub keeps what comes meanwhile. Works with any MQTT 5 broker.
 */
export function mqttTransport(dial: Dial, options: MqttTransportOptions): Transport {
  const state = new SessionState(options.clientId ?? `tm-${randomName()}`)
  const terms: ConnectionTerms = {
    keepAliveSeconds: options.keepAliveSeconds ?? 30,
    timeoutMs: options.timeoutMs ?? 10_000,
    wireBytesMax: options.wireBytesMax ?? 1_048_576,
    packetBytesMax: options.packetBytesMax ?? 1_048_576,
  }
  return {
    async open(signal) {
      let connection: MqttConnection | undefined
      const closedEarly: unknown[] = []
      const wire = await dial(
        {
          onBytes: bytes => connection?.push(bytes),
          onClosed: cause => {
            closedEarly.push(cause)
            connection?.end(lost(cause))
          },
        },
        signal,
      ).catch((error: unknown) => {
        throw isThingmeshError(error) ? error : notOpened(error)
      })
      connection = new MqttConnection(wire, state, terms)
      const opening = connection
      if (closedEarly.length > 0) opening.end(lost(closedEarly[0]))
      const cancel = (): void => opening.end(canceled(signal.reason))
      if (signal.aborted) cancel()
      const letGo = onAbort(signal, cancel)
      try {
        wire.send(toConnect(state, terms, options))
        await opening.accepted
      } catch (error) {
        opening.end(lost(error))
        throw error
      } finally {
        letGo()
      }
      return opening
    },
  }
}

function toConnect(state: SessionState, terms: ConnectionTerms, options: MqttTransportOptions): Uint8Array {
  const { thing, key } = options
  return encodeToHub({
    type: 'connect',
    clientId: state.clientId,
    cleanStart: !state.established,
    keepAliveSeconds: terms.keepAliveSeconds,
    username: thing,
    password: key === undefined ? undefined : encodeUtf8(key),
    properties: {
      sessionExpiryInterval: options.sessionSeconds ?? 3_600,
      receiveMaximum: options.receiveMaximum ?? 256,
      maximumPacketSize: terms.packetBytesMax,
      userProperties: [[receiveMaximumProperty, `${inFlightMax}`]],
    },
  })
}

/** Whatever it was: nothing of ours has left. */
function notOpened(cause: unknown): ThingmeshError {
  return new ThingmeshError('unavailable', 'the connection could not be opened', { cause, outcome: 'not-sent' })
}

function lost(cause: unknown): ThingmeshError {
  return new ThingmeshError('unavailable', 'the connection was lost', { cause, outcome: 'unknown' })
}
