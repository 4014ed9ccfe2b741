import type { Dialect } from '../../contracts/index.ts'
import type { MqttDecisions } from './decisions.ts'

/** All have defaults; times and sizes carry their unit in the name. */
export interface MqttListenerOptions extends MqttDecisions {
  /** Loopback unless told otherwise. */
  readonly host?: string | undefined
  /** 1883; 0 takes any free one. */
  readonly port?: number | undefined
  /** Of a whole packet; MQTT 5 clients are told. */
  readonly packetBytesMax?: number | undefined
  /** Before the peer has proved who it is. */
  readonly connectBytesMax?: number | undefined
  /** From the connection's beginning to CONNACK; also for a re-authentication. */
  readonly connectTimeoutMs?: number | undefined
  /** Challenges in one exchange of authentication. */
  readonly authRoundsMax?: number | undefined
  /** Authentication Data of one exchange, all together. */
  readonly authBytesMax?: number | undefined
  /** From the beginning of one re-authentication to that of the next. */
  readonly authIntervalMsMin?: number | undefined
  readonly keepAliveSecondsMin?: number | undefined
  readonly keepAliveSecondsMax?: number | undefined
  /** What 0, "never", becomes; 0 leaves it at that. */
  readonly keepAliveSecondsDefault?: number | undefined
  /** Publishes that one peer may have un-acknowledged: MQTT 5 clients are told (Receive Maximum), others are made to wait. */
  readonly receiveMaximum?: number | undefined
  /** Topics that one peer may abbreviate (MQTT 5, Topic Alias Maximum). */
  readonly topicAliasMaximum?: number | undefined
  readonly userPropertiesMax?: number | undefined
  readonly userPropertyBytesMax?: number | undefined
  readonly filtersPerSubscribeMax?: number | undefined
  /** Waiting on one socket before at-most-once messages to it are dropped. */
  readonly socketBytesMax?: number | undefined
  /** How long a socket may stay that full before it is cut. Its session stays. */
  readonly drainTimeoutMs?: number | undefined
  readonly connectionsMax?: number | undefined
  readonly connectionsPerAddressMax?: number | undefined
  /** Other ways to write topics, asked in order; none by default. */
  readonly dialects?: readonly Dialect[] | undefined
}

export type MqttLimits = {
  readonly [Name in Exclude<keyof MqttListenerOptions, 'dialects' | keyof MqttDecisions>]-?: Exclude<
    MqttListenerOptions[Name],
    undefined
  >
}

export const defaultMqttLimits: MqttLimits = {
  host: '127.0.0.1',
  port: 1883,
  packetBytesMax: 256 * 1024,
  connectBytesMax: 8 * 1024,
  connectTimeoutMs: 5_000,
  authRoundsMax: 8,
  authBytesMax: 8 * 1024,
  authIntervalMsMin: 1_000,
  keepAliveSecondsMin: 5,
  keepAliveSecondsMax: 1_200,
  keepAliveSecondsDefault: 60,
  receiveMaximum: 64,
  topicAliasMaximum: 16,
  userPropertiesMax: 16,
  userPropertyBytesMax: 4 * 1024,
  filtersPerSubscribeMax: 16,
  socketBytesMax: 1024 * 1024,
  drainTimeoutMs: 10_000,
  connectionsMax: 100_000,
  connectionsPerAddressMax: 10_000,
}
