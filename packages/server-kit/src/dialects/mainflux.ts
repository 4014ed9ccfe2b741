import type { Dialect } from '../contracts/index.ts'
import { isChannelLevel, levelAt } from './levels.ts'

const prefix = 'channels/'
const middle = 'messages'

/**
 * Mainflux's topics, `channels/<channel>/messages[/<subtopic>]`, for `<channel>[/<subtopic>]`. A filter is one where the
 * first and third levels say so in words; the channel may be `+`. Its older devices show their key as
 * `?authorization=<key>` over CoAP, and over HTTP as an `Authorization` without a scheme.
 */
export function mainfluxTopics(): Dialect {
  return {
    name: 'mainflux',
    readTopic: read,
    readFilter: text => {
      const filter = read(text)
      return filter === undefined ? undefined : { filter, variant: '' }
    },
    writeTopic: topic => {
      const channel = levelAt(topic, 0)
      if (!isChannelLevel(channel)) return undefined
      return `${prefix}${channel}/${middle}${topic.slice(channel.length)}`
    },
    key: { parameter: 'authorization', isBareHeader: true },
  }
}

function read(text: string): string | undefined {
  if (!text.startsWith(prefix)) return undefined
  const channel = levelAt(text, prefix.length)
  const at = prefix.length + channel.length + 1
  if (!isChannelLevel(channel) || levelAt(text, at) !== middle) return undefined
  return channel + text.slice(at + middle.length)
}
