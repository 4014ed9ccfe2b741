import { ThingmeshError } from '@thingmesh/core'

/** Shut outside of start and stop, so that what forgets to start fails here as it would on a disk. */
export class Gate {
  isOpen = false

  /** Throws `unavailable`. */
  check(): void {
    if (!this.isOpen) throw new ThingmeshError('unavailable', 'the store is not started')
  }
}
