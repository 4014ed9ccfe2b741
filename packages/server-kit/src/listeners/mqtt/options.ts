import type { OptionNames } from '@thingmesh/core'
import type { Dialect, TlsIdentity } from '../../contracts/index.ts'
import { checkOptions, type OptionRules, portRule, withDefaults } from '../../contracts/options.ts'
import type { MqttDecisions } from './decisions.ts'

/** What MQTT has of limits, however its bytes come. All have defaults; times and sizes carry their unit in the name. */
export interface MqttOptions extends MqttDecisions {
  /** Of a whole packet; MQTT 5 clients are told. */
  readonly packetBytesMax?: number | undefined
  /** Before the peer has proved who it is. */
  readonly connectBytesMax?: number | undefined
  /** From the connection's beginning to CONNACK, with TLS's handshake; also for a re-authentication. */
  readonly connectTimeoutMs?: number | undefined
  /** Challenges in one exchange of authentication. */
  readonly authRoundsMax?: number | undefined
  /** Authentication Data of one exchange, all together. */
  readonly authBytesMax?: number | undefined
  /** From the beginning of one re-authentication to that of the next. */
  readonly authIntervalMsMin?: number | undefined
  /** Of MQTT 5 clients, which are told; older ones are taken at their word. */
  readonly keepAliveSecondsMin?: number | undefined
  readonly keepAliveSecondsMax?: number | undefined
  /** What 0, "never", becomes; 0 leaves it at that. */
  readonly keepAliveSecondsDefault?: number | undefined
  /** Publishes that one peer may have un-acknowledged: MQTT 5 clients are told (Receive Maximum), others are made to wait. */
  readonly receiveMaximum?: number | undefined
  /**
   * As many an MQTT 5 client may have that asks for more in its CONNECT, by the user property `server-receive-maximum`; but no more than the
   * hub's `keysPerPublisherMax`: of a window whose answers were lost, what the hub remembers no key of is stored again.
   */
  readonly receiveMaximumOnRequest?: number | undefined
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

export interface MqttListenerOptions extends MqttOptions {
  /** Loopback unless told otherwise. */
  readonly host?: string | undefined
  /** 1883, with TLS 8883; 0 takes any free one. */
  readonly port?: number | undefined
  /** MQTT over TLS, and nothing else on this port. */
  readonly tls?: TlsIdentity | undefined
  /** What a peer may have sent until TLS's handshake is done. 65,536. */
  readonly handshakeBytesMax?: number | undefined
}

export type MqttLimits = {
  readonly [Name in Exclude<keyof MqttOptions, 'dialects' | keyof MqttDecisions>]-?: Exclude<
    MqttOptions[Name],
    undefined
  >
}

export interface ResolvedMqttOptions extends MqttLimits {
  readonly dialects: readonly Dialect[]
  readonly decisions: MqttDecisions
}

export interface ResolvedMqttListenerOptions extends ResolvedMqttOptions {
  readonly host: string
  readonly port: number
  readonly tls: TlsIdentity | undefined
  readonly handshakeBytesMax: number
}

export const defaultMqttLimits: MqttLimits = {
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
  receiveMaximumOnRequest: 512,
  topicAliasMaximum: 16,
  userPropertiesMax: 16,
  userPropertyBytesMax: 4 * 1024,
  filtersPerSubscribeMax: 16,
  socketBytesMax: 1024 * 1024,
  drainTimeoutMs: 10_000,
  connectionsMax: 100_000,
  connectionsPerAddressMax: 10_000,
}

export const mqttOptions: OptionNames<MqttOptions> = {
  ...defaultMqttLimits,
  dialects: true,
  responseInformation: true,
  redirect: true,
}
const uint16Max = 65_535

/** What MQTT has two bytes for, and where 0 would let nobody in. */
export const mqttRules: OptionRules<MqttOptions> = {
  packetBytesMax: [262_144, 1],
  connectBytesMax: [8_192, 1],
  keepAliveSecondsMin: [5, 0, uint16Max],
  keepAliveSecondsMax: [1_200, 1, uint16Max],
  keepAliveSecondsDefault: [60, 0, uint16Max],
  receiveMaximum: [64, 1, uint16Max],
  receiveMaximumOnRequest: [512, 1, uint16Max],
  topicAliasMaximum: [16, 0, uint16Max],
  connectionsMax: [100_000, 1],
  connectionsPerAddressMax: [10_000, 1],
}
const listenerOptions = { host: true, port: true, tls: true, handshakeBytesMax: 65_536, ...mqttOptions }

/** Throws `TypeError` for dialects that share a name. */
export function resolveMqttOptions(options: MqttOptions): ResolvedMqttOptions {
  const { dialects = [], responseInformation, redirect, ...limits } = options
  checkNames(dialects)
  const decisions = { responseInformation, redirect }
  return { ...withDefaults(defaultMqttLimits, limits as Partial<MqttLimits>), dialects, decisions }
}

export function resolveMqttListenerOptions(options: MqttListenerOptions): ResolvedMqttListenerOptions {
  checkOptions('mqttListener', options, listenerOptions, { port: portRule, ...mqttRules })
  const { host = '127.0.0.1', tls, handshakeBytesMax = 64 * 1024, ...rest } = options
  const { port = tls === undefined ? 1883 : 8883, ...mqtt } = rest
  return { ...resolveMqttOptions(mqtt), host, port, tls, handshakeBytesMax }
}

/** Sessions know their dialect by its name. */
function checkNames(dialects: readonly Dialect[]): void {
  const names = new Set(dialects.map(({ name }) => name))
  if (names.size < dialects.length || dialects.some(({ name }) => name === '' || name.includes(' '))) {
    throw new TypeError('dialects of MQTT need names of their own, without spaces')
  }
}
