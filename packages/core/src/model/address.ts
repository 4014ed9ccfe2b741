/** The name of a channel: the first level of every topic. Unique within a domain. */
export type ChannelName = string

/**
 * Where a message goes. Its canonical text, the topic, is `<channel>/<subtopic>`, or `<channel>` alone where the
 * subtopic is empty: `telemetry/room1/temperature`.
 */
export interface Address {
  readonly channel: ChannelName
  /** The levels after the channel, joined by `/`; `''` where there are none. */
  readonly subtopic: string
}
