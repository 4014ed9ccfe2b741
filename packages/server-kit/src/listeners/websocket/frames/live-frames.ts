import type { Message } from '@thingmesh/core'
import type { DeliveryTerms } from '../../../contracts/index.ts'
import type { Frame } from './format.ts'
import type { Speech } from './speech.ts'

/**
 * Live messages as frames. A message goes to its subscribers one after the other, so that remembering the last one under each subprotocol is
 * enough to encode it once for all of them.
 */
export class LiveFrames {
  readonly #last = new Map<string, { readonly message: Message; readonly frame: Frame }>()

  encode(speech: Speech, subprotocol: string, message: Message, terms: DeliveryTerms): Frame {
    if (terms.replay) return speech.encode(message, terms)
    const last = this.#last.get(subprotocol)
    if (last?.message === message) return last.frame
    const frame = speech.encode(message, terms)
    this.#last.set(subprotocol, { message, frame })
    return frame
  }

  /** Nothing is held beyond the turn in which it was of use. */
  forget(): void {
    this.#last.clear()
  }
}
