import { ThingmeshError } from '@thingmesh/core'

/** For a parameter that is good by itself, and not with the others of its query. */
export function unfitting(name: string, allowed: string): ThingmeshError {
  return new ThingmeshError('invalid-argument', `query has ${name}, allowed only ${allowed}`)
}
