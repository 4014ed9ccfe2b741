import { deepStrictEqual as equal, ok } from 'node:assert/strict'
import type { Message } from '@thingmesh/core'
import type { MessageQuery, SessionRecord, Store } from '../../contracts/index.ts'
import { type MessageFields, testMessage } from '../messages.ts'

export const everything: MessageQuery = {
  domain: 'd1',
  filters: [{ filter: '#', after: 0 }],
  limit: 10_000,
  bytesMax: 1e9,
}

/** Reads page after page, as a session that has fallen behind does, and checks that pages get on and end. */
export async function readAll(store: Store, query: Partial<MessageQuery> = {}): Promise<Message[]> {
  const all: Message[] = []
  let current: MessageQuery = { ...everything, ...query }
  for (;;) {
    const page = await store.log.read(current)
    const sequences = page.messages.map(({ sequence }) => sequence)
    equal(
      sequences,
      [...sequences].sort((a, b) => a - b),
      'a page ascends',
    )
    ok(page.messages.length <= Math.max(current.limit, 1), 'a page keeps to its limit')
    if (current.newest) all.unshift(...page.messages)
    else all.push(...page.messages)
    if (page.complete) return all
    const { scannedTo } = page
    if (current.newest) {
      ok(scannedTo < (current.before ?? Number.POSITIVE_INFINITY), 'reading gets on')
      ok(sequences.every(sequence => sequence >= scannedTo))
      current = { ...current, before: scannedTo }
    } else {
      ok(scannedTo > Math.min(...current.filters.map(({ after }) => after)), 'reading gets on')
      ok(sequences.every(sequence => sequence <= scannedTo))
      current = { ...current, filters: current.filters.map(f => ({ ...f, after: Math.max(f.after, scannedTo) })) }
    }
  }
}

export function message(sequence: number, topic = 'a/b', fields: MessageFields = {}): Message {
  return testMessage({ topic, sequence, ...fields })
}

export function sequencesOf(messages: readonly Message[]): number[] {
  return messages.map(({ sequence }) => sequence)
}

export function range(from: number, to: number): number[] {
  return Array.from({ length: to - from + 1 }, (_, i) => from + i)
}

export function session(id: string, fields: Partial<SessionRecord> = {}): SessionRecord {
  return {
    id,
    domain: 'd1',
    principal: 'thing:1',
    clientId: 'c1',
    expiresInSeconds: 60,
    cursor: 10,
    subscriptions: [],
    ...fields,
  }
}

/** As `load` gives it where no exchange is under way. */
export function loaded(record: SessionRecord): SessionRecord {
  return { ...record, transfers: [], received: [] }
}
