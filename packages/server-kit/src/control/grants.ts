import { type Action, actions, type Grant, parseFilter, ThingmeshError, toThingmeshError } from '@thingmesh/core'
import type { Control, GrantChange, GrantDraft, GrantQuery } from '../contracts/index.ts'
import { thingPrincipal } from './authorizer.ts'
import { checkBatch, mapItems } from './batch.ts'
import { type DomainAccess, named } from './context.ts'
import { checkCount } from './limits.ts'
import { parsePageQuery, toPage } from './page.ts'
import type { GrantRow } from './rows.ts'
import { newId } from './secrets.ts'
import type { DomainTables } from './state.ts'

export function grantCollection(access: DomainAccess): Control['grants'] {
  const { limits, domain } = access

  const find = (tables: DomainTables, id: string): GrantRow => {
    const row = tables.grants.get(id)
    if (row === undefined) throw new ThingmeshError('not-found', 'no grant has this id')
    return row
  }

  const createAll = async (drafts: readonly GrantDraft[]): Promise<readonly Grant[]> => {
    const parsed = mapItems(drafts, draft => ({
      thing: draft.thing,
      channel: draft.channel,
      actions: parseActions(draft.actions),
      pattern: draft.pattern ?? '#',
    }))
    return access.change((change, tables, nowMs) => {
      const added = new Map<string, number>()
      return mapItems(parsed, draft => {
        const thing = named(tables.things, 'thing', draft.thing)
        const channel = named(tables.channels, 'channel', draft.channel)
        checkPattern(access, channel.item.name, draft.pattern)
        // Twice the same would leave the right standing when one of them is taken back.
        for (const row of tables.grantsByThing.of(thing.id)) {
          if (isSame(row.item, channel.id, draft))
            throw new ThingmeshError('conflict', 'this very grant exists', { details: { grant: row.id } })
        }
        const more = (added.get(thing.id) ?? 0) + 1
        checkCount(limits, 'grantsPerThingMax', 'grants of the thing', tables.grantsByThing.count(thing.id) + more)
        added.set(thing.id, more)
        const id = newId()
        const item: Grant = Object.freeze({
          id,
          domain,
          createdAtMs: nowMs,
          updatedAtMs: nowMs,
          thing: thing.id,
          channel: channel.id,
          actions: draft.actions,
          pattern: draft.pattern,
        })
        change.put({ kind: 'grant', id, item })
        change.announce({ kind: 'changed', domain, principal: thingPrincipal(thing.id), widens: true })
        return item
      })
    })
  }

  return {
    async create(draft) {
      access.checkAdmin()
      const [created] = await createAll([draft])
      return created!
    },

    async createMany(drafts) {
      access.checkAdmin()
      checkBatch(limits, 'grants to create', drafts)
      return createAll(drafts)
    },

    async list(query = {}) {
      const { after, limit } = parsePageQuery(limits, query)
      return toPage(rowsOf(access.tables(), query, after), row => row.id, limit)
    },

    async get(id) {
      return find(access.tables(), id).item
    },

    async update(id, changes: GrantChange) {
      access.checkAdmin()
      const { pattern } = changes
      const given: Partial<Grant> = {
        ...(changes.actions !== undefined && { actions: parseActions(changes.actions) }),
        ...(pattern !== undefined && { pattern }),
      }
      return access.change((change, tables, nowMs) => {
        const row = find(tables, id)
        if (pattern !== undefined) {
          checkPattern(access, named(tables.channels, 'channel', row.item.channel).item.name, pattern)
        }
        const item: Grant = Object.freeze({ ...row.item, ...given, updatedAtMs: nowMs })
        change.put({ ...row, item })
        change.announce({ kind: 'changed', domain, principal: thingPrincipal(item.thing) })
        return item
      })
    },

    async remove(id) {
      access.checkAdmin()
      return access.change((change, tables) => {
        const row = find(tables, id)
        change.delete(row)
        change.announce({ kind: 'changed', domain, principal: thingPrincipal(row.item.thing) })
      })
    },
  }
}

/** Rows of the thing and the channel asked for, in the order of their ids, behind the cursor. */
function rowsOf(tables: DomainTables, query: GrantQuery, after: string | undefined): Iterable<GrantRow> {
  const thing = query.thing === undefined ? undefined : named(tables.things, 'thing', query.thing).id
  const channel = query.channel === undefined ? undefined : named(tables.channels, 'channel', query.channel).id
  if (thing === undefined && channel === undefined) return tables.grants.from(after ?? '', true)
  const group = thing === undefined ? tables.grantsByChannel.of(channel!) : tables.grantsByThing.of(thing)
  return group
    .filter(row => (channel === undefined || row.item.channel === channel) && (after === undefined || row.id > after))
    .sort((a, b) => (a.id < b.id ? -1 : 1))
}

function isSame(item: Grant, channel: string, { actions, pattern }: Pick<Grant, 'actions' | 'pattern'>): boolean {
  return (
    item.channel === channel && item.pattern === pattern && `${[...item.actions].sort()}` === `${[...actions].sort()}`
  )
}

function parseActions(given: readonly Action[]): readonly Action[] {
  const known = Array.isArray(given) && given.every(action => actions.includes(action))
  if (!known || given.length === 0 || new Set(given).size !== given.length) {
    throw new ThingmeshError(
      'invalid-argument',
      `actions of the grant: one or more, each once, of ${actions.join(', ')}`,
    )
  }
  return Object.freeze([...given])
}

/** The pattern is good where `<channel>/<pattern>` is a filter: `#` then also stands for the bare channel. */
function checkPattern(access: DomainAccess, channel: string, pattern: unknown): void {
  if (typeof pattern !== 'string' || pattern === '') {
    throw new ThingmeshError('invalid-argument', 'pattern of the grant: found no text')
  }
  try {
    // By itself first, so that an index is one of what was written. A `$` is nothing special behind the channel.
    parseFilter(pattern, { ...access.limits, allowDollar: true })
    parseFilter(`${channel}/${pattern}`, access.limits)
  } catch (error) {
    const { code, message, details } = toThingmeshError(error)
    throw new ThingmeshError(code, `pattern of the grant: ${message}`, { details })
  }
}
