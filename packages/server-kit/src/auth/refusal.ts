import { ThingmeshError } from '@thingmesh/core'

/** One and the same for everything that is wrong with a credential: who guesses learns nothing from it. */
export function refusal(): ThingmeshError {
  return new ThingmeshError('unauthenticated', 'the credential is not valid')
}
