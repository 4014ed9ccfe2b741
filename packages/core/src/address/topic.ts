import { ThingmeshError } from '../errors/index.ts'
import type { Address, ChannelName } from '../model/index.ts'
import { levelEnd } from './level.ts'
import { channelNameBytesMax, defaultTopicLimits, type TopicLimits } from './limits.ts'
import { type AddressPart, checkLevels, checkNoDollar, checkText, forbiddenCharacter } from './text.ts'

/**
 * Splits a topic to publish to, `<channel>/<subtopic>`, into its address. Levels after the channel may be empty
 * (`a//b`), with one exception: `a/` is refused, because its subtopic would be empty and `toTopic` would give `a`. So
 * `toTopic(parseTopic(topic)) === topic` for every topic that is accepted.
 *
 * Throws `invalid-argument`: empty, too long, too many levels, an empty channel, `a/`, a `+` or `#` anywhere, a `$` in
 * front, NUL, a lone surrogate; and C0, DEL, C1, U+FEFF unless the limits let them through.
 */
export function parseTopic(topic: string, limits: TopicLimits = defaultTopicLimits): Address {
  checkText('topic', topic, limits.topicBytesMax, limits.topicControlCharacters)
  checkLevels('topic', topic, limits)
  checkNoDollar('topic', topic)
  checkNoWildcard('topic', topic)
  const end = levelEnd(topic, 0)
  if (end === 0) throw new ThingmeshError('invalid-argument', 'topic starts with a slash and names no channel')
  if (end === topic.length - 1) {
    throw new ThingmeshError('invalid-argument', 'topic has nothing after its slash')
  }
  return { channel: topic.slice(0, end), subtopic: topic.slice(end + 1) }
}

/** The canonical text of an address. */
export function toTopic(address: Address): string {
  return address.subtopic === '' ? address.channel : `${address.channel}/${address.subtopic}`
}

/**
 * The name of a channel: one level of 1 to 64 bytes, with the same characters as a topic.
 * Throws `invalid-argument`.
 */
export function parseChannelName(name: string): ChannelName {
  checkText('channel name', name, channelNameBytesMax)
  checkNoDollar('channel name', name)
  checkNoWildcard('channel name', name)
  const slash = name.indexOf('/')
  if (slash !== -1) throw forbiddenCharacter('channel name', name, slash)
  return name
}

/** MQTT 5, section 3.3.2.1: a topic to publish to has no wildcard characters, not even inside a level. */
function checkNoWildcard(part: AddressPart, text: string): void {
  const plus = text.indexOf('+')
  const index = plus === -1 ? text.indexOf('#') : plus
  if (index !== -1) throw forbiddenCharacter(part, text, index)
}
