import { type DomainId, FilterTrie, type Message } from '@thingmesh/core'
import type { AcceptedMessage } from './accepted.ts'
import type { Receiver, Target } from './target.ts'
import { isKept, type TopicEntry } from './topics.ts'

/** Of each half. */
const rememberedTargetsMax = 500_000
const rememberedEntriesMax = 50_000

/** Hands each message to everybody whose subscriptions match it. Matching happens once per topic and change, not per message. */
export class Router {
  readonly #tries = new Map<DomainId, FilterTrie<Receiver>>()
  readonly #onFault: (error: unknown) => void
  /** Entries whose targets are remembered, each as often as it was matched, and how many targets the younger ones have. */
  #young: TopicEntry[] = []
  #old: TopicEntry[] = []
  #youngTargets = 0
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

  /** How many filters wait, each counted once for each receiver. */
  get size(): number {
    let sum = 0
    for (const trie of this.#tries.values()) sum += trie.size
    return sum
  }

  /** Who waits for a topic of the hub's own, in whatever domain. Looked for anew each time: not for the hot path. */
  receiversOf(topic: string): ReadonlySet<Receiver> {
    return new Set([...this.#tries.values()].flatMap(trie => trie.match(topic)))
  }

  /**
   * Topics times subscribers may be more than memory holds. There are two halves: when the younger is full, the older is matched again when it is
   * wanted.
   */
  #remember(entry: TopicEntry, targets: readonly Target[]): void {
    if (this.#young.length >= rememberedEntriesMax || this.#youngTargets >= rememberedTargetsMax) {
      for (const oldest of this.#old) {
        oldest.targets = []
        oldest.targetsVersion = -1
      }
      this.#old = this.#young
      this.#young = []
      this.#youngTargets = 0
    }
    entry.targets = targets
    entry.targetsVersion = this.#version
    this.#young.push(entry)
    this.#youngTargets += targets.length
  }

  #match(entry: TopicEntry): readonly Target[] {
    const matched = this.#tries.get(entry.domain)?.match(entry.topic) ?? []
    const targets: Target[] = []
    // Whoever has two filters that match is there twice.
    for (const receiver of matched.length > 1 ? new Set(matched) : matched) {
      const target = receiver.targetFor(entry.topic)
      if (target !== undefined) targets.push(target)
    }
    if (isKept(entry.topic)) this.#remember(entry, targets)
    return targets
  }
}

/** Whether a message goes to somebody who has to acknowledge it. */
export function isWantedAtLeastOnce(targets: readonly Target[], message: Message): boolean {
  return message.delivery !== 'at-most-once' && targets.some(target => !target.atMostOnce)
}
