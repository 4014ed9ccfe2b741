import type { Message, MessageProperties } from '@thingmesh/core'
import type { Lease } from './lease.ts'
import type { Representation } from './mapping.ts'
import type { Response } from './response.ts'

/** What the options of a request ask for, and for whom. */
export interface Recognized {
  /**
   * The options, as bytes. They hold the key of who asks: in memory, for as long as its session may be used, and in no
   * string, which a snapshot of the heap would show. `undefined` when it is known no more.
   */
  words: Uint8Array | undefined
  readonly topic: string
  /** Of more than one topic, so that nothing can be read under it. */
  readonly isPattern: boolean
  readonly lease: Lease
  readonly accept: number | undefined
  readonly contentType: string
  readonly properties: MessageProperties | undefined
  /** What it was told last. */
  told: Told | undefined
}

export interface Told {
  readonly message: Message
  readonly value: Representation
  /** Where it goes in one. */
  readonly response: Response
}
