import { parseChannelName, ThingmeshError } from '@thingmesh/core'
import type { Dialect } from '../contracts/index.ts'
import { checkOptions } from '../contracts/options.ts'

/**
 * A free topic tree below one channel, verbatim: `/a//b` for `<channel>//a//b`, whatever levels and characters the hub's
 * limits let through. Claims everything, so a dialect after it is never asked. Topics that start with `$` are the
 * server's own (MQTT 5, section 4.7.2): nobody publishes or subscribes to them, and what another door published below
 * the channel under such a name is not delivered here.
 *
 * Throws `invalid-argument` where the channel's name is none.
 */
export function rawTopics(options: { readonly channel: string }): Dialect {
  const { channel } = options
  checkOptions('rawTopics', options, { channel })
  const prefix = `${parseChannelName(channel)}/`
  const read = (text: string): string => {
    if (text.startsWith('$')) throw new ThingmeshError('invalid-argument', 'topic starts with $, which is reserved')
    return prefix + text
  }
  return {
    name: 'raw',
    readTopic: read,
    readFilter: text => ({ filter: read(text), variant: '' }),
    writeTopic: topic => {
      if (!topic.startsWith(prefix) || topic.length === prefix.length || topic[prefix.length] === '$') return undefined
      return topic.slice(prefix.length)
    },
  }
}
