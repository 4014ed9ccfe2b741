import { encodeToHub } from '../../bindings/mqtt/client/index.ts'
import { receiveMaximumProperty } from '../../bindings/mqtt/user-properties.ts'
import { encodeUtf8 } from '../../codec/utf8.ts'
import { isThingmeshError, ThingmeshError } from '../../errors/index.ts'
import { canceled, onAbort } from '../cancellation.ts'
import { resolveOptions, timerMsMax } from '../option-rules.ts'
import { randomName } from '../random-name.ts'
import { deferred } from '../status.ts'
import type { Transport } from '../transport.ts'
import { inFlightMax, MqttConnection } from './connection.ts'
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

/** The most that fields of two and of four bytes say. */
const uint16Max = 65_535
const uint32Max = 4_294_967_295

export const mqttRules = {
  sessionSeconds: [3_600, 0, uint32Max],
  keepAliveSeconds: [30, 0, uint16Max],
  timeoutMs: [10_000, 1, timerMsMax],
  receiveMaximum: [256, 1, uint16Max],
  packetBytesMax: [1_048_576, 1, uint32Max],
  wireBytesMax: [1_048_576, 0],
} as const

export type MqttTerms = Readonly<Record<keyof typeof mqttRules, number>>

/**
 * MQTT 5 over whatever `dial` opens. The first connection begins a session; those after it take it up again, so that the
 * hub keeps what comes meanwhile. Works with any MQTT 5 broker. Throws `TypeError` for options that make no sense.
 */
export function mqttTransport(dial: Dial, options: MqttTransportOptions): Transport {
  const state = new SessionState(options.clientId ?? `tm-${randomName()}`)
  const terms = resolveOptions(options, mqttRules)
  return {
    async open(signal) {
      let connection: MqttConnection | undefined
      // It may close before there is a connection to tell.
      const broken = deferred<ThingmeshError>()
      const wire = await dial(
        {
          onBytes: bytes => connection?.push(bytes),
          onClosed: cause => broken.resolve(lost(cause)),
        },
        signal,
      ).catch((error: unknown) => {
        throw isThingmeshError(error) ? error : notOpened(error)
      })
      connection = new MqttConnection(wire, state, terms)
      const opening = connection
      broken.promise.then(reason => opening.end(reason))
      const letGo = onAbort(signal, () => opening.end(canceled(signal.reason)))
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

function toConnect(state: SessionState, terms: MqttTerms, { thing, key }: MqttTransportOptions): Uint8Array {
  return encodeToHub({
    type: 'connect',
    clientId: state.clientId,
    cleanStart: !state.established,
    keepAliveSeconds: terms.keepAliveSeconds,
    username: thing,
    password: key === undefined ? undefined : encodeUtf8(key),
    properties: {
      sessionExpiryInterval: terms.sessionSeconds,
      receiveMaximum: terms.receiveMaximum,
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
