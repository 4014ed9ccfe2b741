import type { Message } from '@thingmesh/core'

/**
 * What the log relies on and types cannot say. Throws `TypeError`: the pipeline numbers messages, so a batch out of
 * order is a bug there.
 */
export function checkBatch(batch: readonly Message[]): void {
  let last = -1
  for (const { sequence, acceptedAtMs } of batch) {
    if (!(sequence > last) || !Number.isSafeInteger(sequence)) {
      throw new TypeError(`sequence ${sequence} follows ${last}: sequences are safe integers and rise`)
    }
    if (!Number.isSafeInteger(acceptedAtMs)) throw new TypeError(`acceptedAtMs is ${acceptedAtMs}, not an integer`)
    last = sequence
  }
}
