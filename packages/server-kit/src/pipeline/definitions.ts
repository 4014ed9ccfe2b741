import { type ChannelName, type Draft, isThingmeshError, ThingmeshError } from '@thingmesh/core'
import type { ChannelDefinition } from '@thingmesh/core/schema'
import { StandingFault } from '../contracts/standing-fault.ts'

/** What may be published to a channel; `defineChannel` of `@thingmesh/core/schema` makes them. */
export type Definition = Pick<ChannelDefinition<unknown>, 'name' | 'decode'>

/** By the channel's name, in whatever domain. */
export type Definitions = ReadonlyMap<ChannelName, PayloadCheck>

/** Throws `TypeError` for what is no definition, and for two of one channel: which of them holds would be anybody's guess. */
export function toDefinitions(list: readonly Definition[], onFault: (error: ThingmeshError) => void): Definitions {
  const isDefinition = ({ name, decode }: Partial<Definition>) =>
    typeof name === 'string' && typeof decode === 'function'
  if (!list.every(isDefinition)) throw new TypeError('definitions has something that defineChannel did not make')
  const definitions = new Map(list.map(definition => [definition.name, new PayloadCheck(definition, onFault)]))
  if (definitions.size < list.length) throw new TypeError('definitions has two of one channel')
  return definitions
}

/** Holds what is published to one channel to its definition. */
export class PayloadCheck {
  readonly #definition: Definition
  readonly #fault: StandingFault

  constructor(definition: Definition, onFault: (error: ThingmeshError) => void) {
    this.#definition = definition
    const details = { channel: definition.name }
    // What it threw may quote the value, and is for the program alone.
    const toError = (cause: unknown) =>
      new ThingmeshError('internal', "the channel's definition cannot check payloads", { cause, details })
    this.#fault = new StandingFault(toError, onFault)
  }

  /**
   * Throws `invalid-argument` where the payload does not fit, with the path of what does not in `details.path`; `internal`
   * where the program's own schema throws, which is no fault of the peer's.
   */
  check({ payload, contentType }: Draft): void {
    try {
      this.#definition.decode(payload, contentType)
    } catch (thrown) {
      if (!isThingmeshError(thrown) || thrown.code === 'internal') throw this.#fault.of(thrown)
      const details = { ...thrown.details, part: 'payload' }
      throw new ThingmeshError('invalid-argument', thrown.message, { cause: thrown, details })
    }
  }
}
