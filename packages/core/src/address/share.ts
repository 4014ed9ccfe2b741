import { ThingmeshError } from '../errors/index.ts'
import { parseFilter } from './filter.ts'
import { defaultTopicLimits, shareNameBytesMax, type TopicLimits } from './limits.ts'
import { checkText, forbiddenCharacter } from './text.ts'

/** A shared subscription, `$share/<name>/<filter>` (MQTT 5, section 4.8.2): each message goes to one of those who have it. */
export interface Share {
  readonly name: string
  readonly filter: string
}

const prefix = '$share/'

/** Whether it asks for a shared subscription; whether for one that there can be, `parseShare` tells. */
export function isShare(filter: string): boolean {
  return filter.startsWith(prefix)
}

/**
 * Splits what `isShare` says yes to. The filter is one that `parseFilter` accepts, so it cannot be shared once more.
 * Throws `invalid-argument`: no name, a name of more than 64 bytes or with `+` or `#` in it, no filter, or a wrong one.
 */
export function parseShare(text: string, limits: TopicLimits = defaultTopicLimits): Share {
  const slash = text.indexOf('/', prefix.length)
  if (slash === -1) throw new ThingmeshError('invalid-argument', 'share name has no filter after it')
  const name = text.slice(prefix.length, slash)
  checkText('share name', name, shareNameBytesMax, limits.topicControlCharacters)
  for (const character of ['+', '#']) {
    const index = name.indexOf(character)
    if (index !== -1) throw forbiddenCharacter('share name', name, index)
  }
  return { name, filter: parseFilter(text.slice(slash + 1), limits) }
}
