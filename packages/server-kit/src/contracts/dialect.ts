import type { Principal } from '@thingmesh/core'

/**
 * Another way to write topics than `<channel>/<subtopic>`, and filters over them: pure functions there and back. What
 * was read is weighed after it, like anything that a peer says, so a dialect gives nobody a right.
 */
export interface Dialect {
  /** Kept with subscriptions, so it stays the same for ever. Holds no space. */
  readonly name: string
  /**
   * The topic that the text stands for; `undefined` where the text is not of this dialect, and another one is asked.
   * Throws `invalid-argument`, or `permission-denied` for what is not this principal's to name.
   */
  readTopic(text: string, principal: Principal): string | undefined
  /** The same for a filter, without `$share/<group>/` in front: claimed only where it maps exactly. */
  readFilter(text: string, principal: Principal): DialectFilter | undefined
  /** A topic as the dialect has it; `undefined` where it has no way to say it. Never throws. */
  writeTopic(topic: string, variant: string): string | undefined
  /** Where its peers show their key, beside our own ways: on the paths that it claims, and on no other. */
  readonly key?: DialectKey | undefined
}

export interface DialectKey {
  /** The name of a parameter of the query that is a key, over CoAP. Over HTTP an address is written into logs. */
  readonly parameter: string
  /** Over HTTP and WebSocket an `Authorization` without a scheme is a key. */
  readonly isBareHeader: boolean
}

export interface DialectFilter {
  readonly filter: string
  /** What `writeTopic` needs to write the way this filter was written, `''` where there is but one way. */
  readonly variant: string
}
