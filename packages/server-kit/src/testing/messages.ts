import type { Message } from '@thingmesh/core'

export type MessageFields = Partial<Message>

/** A message as the pipeline would have made it, with plain values where none are given. */
export function testMessage(fields: MessageFields & { readonly topic: string; readonly sequence: number }): Message {
  const slash = fields.topic.indexOf('/')
  return {
    channel: slash === -1 ? fields.topic : fields.topic.slice(0, slash),
    subtopic: slash === -1 ? '' : fields.topic.slice(slash + 1),
    payload: Uint8Array.of(fields.sequence % 256),
    contentType: '',
    delivery: 'at-least-once',
    retain: false,
    domain: 'd1',
    log: { origin: 'hub', epoch: 'one' },
    publisher: 'thing:1',
    clientId: '',
    protocol: 'test',
    acceptedAtMs: 1_700_000_000_000 + fields.sequence,
    ...fields,
  }
}

/** Integers from 0 up to but not including the bound, the same ones on every run (a linear congruential generator). */
export function seededRandom(seed: number): (bound: number) => number {
  let state = seed >>> 0
  return bound => {
    state = (Math.imul(state, 1_664_525) + 1_013_904_223) >>> 0
    return Math.floor((state / 2 ** 32) * bound)
  }
}
