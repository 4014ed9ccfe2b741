import { type Principal, ThingmeshError } from '@thingmesh/core'
import type { Dialect } from '../contracts/index.ts'
import { isChannelLevel, levelAt } from './levels.ts'

const prefix = 'm/'
const middle = 'c/'

/**
 * Magistrala's topics, `m/<domain>/c/<channel>[/<subtopic>]`, for `<channel>[/<subtopic>]`. The domain is the
 * principal's own, by name or by id: a topic does not choose one. A filter is one where it says so in words up to the
 * channel; `m/<domain>/c/#` is every channel.
 */
export function magistralaTopics(): Dialect {
  return {
    name: 'magistrala',
    readTopic: (text, principal) => read(text, principal)?.filter,
    readFilter: read,
    writeTopic: (topic, domain) =>
      isChannelLevel(levelAt(topic, 0)) ? `${prefix}${domain}/${middle}${topic}` : undefined,
  }
}

function read(text: string, principal: Principal) {
  if (!text.startsWith(prefix)) return undefined
  const domain = levelAt(text, prefix.length)
  const at = prefix.length + domain.length + 1
  if (domain === '' || !text.startsWith(middle, at)) return undefined
  const filter = text.slice(at + middle.length)
  if (filter !== '#' && !isChannelLevel(levelAt(filter, 0))) return undefined
  if (domain !== principal.domain && domain !== principal.domainName) {
    throw new ThingmeshError('permission-denied', 'the domain in the topic is not the own one')
  }
  return { filter, variant: domain }
}
