import { type ChannelName, type Draft, ThingmeshError, toThingmeshError } from '@thingmesh/core'
import type { ChannelDefinition } from '@thingmesh/core/schema'

/** What may be published to a channel; `defineChannel` of `@thingmesh/core/schema` makes them. */
export type Definition = Pick<ChannelDefinition<unknown>, 'name' | 'decode'>

/** By the channel's name, in whatever domain. */
export type Definitions = ReadonlyMap<ChannelName, Definition>

/** Throws `TypeError` for what is no definition, and for two of one channel: which of them holds would be anybody's guess. */
export function toDefinitions(list: readonly Definition[]): Definitions {
  const isDefinition = ({ name, decode }: Partial<Definition>) =>
    typeof name === 'string' && typeof decode === 'function'
  if (!list.every(isDefinition)) throw new TypeError('definitions has something that defineChannel did not make')
  const definitions = new Map(list.map(definition => [definition.name, definition]))
  if (definitions.size < list.length) throw new TypeError('definitions has two of one channel')
  return definitions
}

/** Throws `invalid-argument` where the payload does not fit, with the path of what does not in `details.path`. */
export function checkPayload(definition: Definition, { payload, contentType }: Draft): void {
  try {
    definition.decode(payload, contentType)
  } catch (thrown) {
    const error = toThingmeshError(thrown)
    // A check of somebody's schema that throws of its own may quote the value.
    const text = error.code === 'internal' ? "the payload does not fit the channel's definition" : error.message
    const details = { ...error.details, part: 'payload' }
    throw new ThingmeshError('invalid-argument', text, { cause: error, details })
  }
}
