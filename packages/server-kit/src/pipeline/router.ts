import { type DomainId, FilterTrie, type Message } from '@thingmesh/core'
import type { AcceptedMessage } from './accepted.ts'
import type { Receiver, Target } from './target.ts'
import type { TopicEntry } from './topics.ts'

/** Hands each message to everybody whose subscriptions match it. Matching happens once per topic and change, not per message. */
export class Router {
  readonly #tries = new Map<DomainId, FilterTrie<Receiver>>()
  #version = 0
  #head = 0

  /** The highest sequence among the committed messages that have been routed. */
  get head(): number {
    return this.#head
  }

  /** Where the log ended when the hub started. */
  startAt(head: number): void {
    this.#head = head
  }

  add(filter: string, receiver: Receiver): void {
    let trie = this.#tries.get(receiver.domain)
    if (trie === undefined) {
      trie = new FilterTrie()
      this.#tries.set(receiver.domain, trie)
    }
    trie.add(filter, receiver)
    this.#version += 1
  }

  remove(filter: string, receiver: Receiver): void {
    this.#tries.get(receiver.domain)?.remove(filter, receiver)
    this.#version += 1
  }

  /** Somebody's terms or rights changed. */
  invalidate(): void {
    this.#version += 1
  }

  route(message: AcceptedMessage): void {
    const targets = this.targets(message.entry)
    for (let i = 0; i < targets.length; i++) {
      const target = targets[i]!
      target.receiver.offer(message, target)
    }
  }

  routeCommitted(message: AcceptedMessage): void {
    this.#head = message.sequence
    this.route(message)
  }

  targets(entry: TopicEntry): readonly Target[] {
    if (entry.targetsVersion !== this.#version) {
      entry.targets = this.#match(entry)
      entry.targetsVersion = this.#version
    }
    return entry.targets
  }

  #match(entry: TopicEntry): readonly Target[] {
    const receivers = new Set(this.#tries.get(entry.domain)?.match(entry.topic))
    const targets: Target[] = []
    for (const receiver of receivers) {
      const target = receiver.targetFor(entry.topic)
      if (target !== undefined) targets.push(target)
    }
    return targets
  }
}

/** Whether a message goes to somebody who has to acknowledge it. */
export function isWantedAtLeastOnce(targets: readonly Target[], message: Message): boolean {
  return message.delivery !== 'at-most-once' && targets.some(target => !target.atMostOnce)
}
