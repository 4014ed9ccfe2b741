import { type DomainId, FilterTrie, type Message } from '@thingmesh/core'
import type { AcceptedMessage } from './accepted.ts'
import type { Receiver, Target } from './target.ts'
import type { TopicEntry } from './topics.ts'

const rememberedTargetsMax = 1_000_000
const rememberedEntriesMax = 100_000

/** Hands each message to everybody whose subscriptions match it. Matching happens once per topic and change, not per message. */
export class Router {
  readonly #tries = new Map<DomainId, FilterTrie<Receiver>>()
  readonly #onFault: (error: unknown) => void
  /** Entries whose targets are remembered, oldest first, and how many targets that is. */
  readonly #remembered = new Set<TopicEntry>()
  #rememberedTargets = 0
  #version = 0
  #head = 0

  constructor(onFault: (error: unknown) => void) {
    this.#onFault = onFault
  }

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
      try {
        target.receiver.offer(message, target)
      } catch (error) {
        // One receiver's fault is not the next one's, nor the publisher's.
        this.#onFault(error)
      }
    }
  }

  routeCommitted(message: AcceptedMessage): void {
    this.#head = message.sequence
    this.route(message)
  }

  targets(entry: TopicEntry): readonly Target[] {
    return entry.targetsVersion === this.#version ? entry.targets : this.#match(entry)
  }

  /** Topics times subscribers may be more than memory holds: what was matched longest ago is matched again. */
  #remember(entry: TopicEntry, targets: readonly Target[]): void {
    if (this.#remembered.delete(entry)) this.#rememberedTargets -= entry.targets.length
    entry.targets = targets
    entry.targetsVersion = this.#version
    this.#remembered.add(entry)
    this.#rememberedTargets += targets.length
    for (const oldest of this.#remembered) {
      if (this.#rememberedTargets <= rememberedTargetsMax && this.#remembered.size <= rememberedEntriesMax) return
      this.#remembered.delete(oldest)
      this.#rememberedTargets -= oldest.targets.length
      oldest.targets = []
      oldest.targetsVersion = -1
    }
  }

  #match(entry: TopicEntry): readonly Target[] {
    const receivers = new Set(this.#tries.get(entry.domain)?.match(entry.topic))
    const targets: Target[] = []
    for (const receiver of receivers) {
      const target = receiver.targetFor(entry.topic)
      if (target !== undefined) targets.push(target)
    }
    this.#remember(entry, targets)
    return targets
  }
}

/** Whether a message goes to somebody who has to acknowledge it. */
export function isWantedAtLeastOnce(targets: readonly Target[], message: Message): boolean {
  return message.delivery !== 'at-most-once' && targets.some(target => !target.atMostOnce)
}
