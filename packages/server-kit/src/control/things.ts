import { type NewKey, type Thing, ThingmeshError } from '@thingmesh/core'
import type { Control, ThingDraft } from '../contracts/index.ts'
import { thingPrincipal } from './authorizer.ts'
import { checkBatch, mapItems } from './batch.ts'
import { type DomainAccess, named } from './context.ts'
import { parseChange, parseDescribed, parseName } from './described.ts'
import { makeKey } from './keys.ts'
import { checkCount } from './limits.ts'
import { describedPage } from './page.ts'
import { newId } from './secrets.ts'

type NewThing = Thing & { readonly key: NewKey }

export function thingCollection(access: DomainAccess): Control['things'] {
  const { limits } = access

  const createAll = async (drafts: readonly ThingDraft[]): Promise<readonly NewThing[]> => {
    const parsed = mapItems(drafts, draft => ({
      name: parseName('thing', draft.name),
      ...parseDescribed(limits, 'thing', draft),
    }))
    return access.change(async (change, tables, nowMs) => {
      checkCount(limits, 'thingsMax', 'things', tables.things.size + parsed.length)
      const names = new Set<string>()
      const things = mapItems(parsed, draft => {
        if (names.has(draft.name) || tables.things.find(draft.name) !== undefined) throw nameTaken()
        names.add(draft.name)
        const id = newId()
        const item: Thing = Object.freeze({
          id,
          domain: access.domain,
          createdAtMs: nowMs,
          updatedAtMs: nowMs,
          ...draft,
        })
        change.put({ kind: 'thing', id, item })
        return item
      })
      const created: NewThing[] = []
      // One after the other: more threads at once would leave none to the event loop of a small machine.
      for (const item of things) {
        created.push(Object.freeze({ ...item, key: await makeKey(access, change, item.id, nowMs, undefined) }))
      }
      return created
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
      checkBatch(limits, 'things to create', drafts)
      return createAll(drafts)
    },

    async list(query = {}) {
      return describedPage(limits, access.tables().things, query)
    },

    async get(idOrName) {
      return named(access.tables().things, 'thing', idOrName).item
    },

    async update(idOrName, changes) {
      access.checkAdmin()
      const given: Partial<Thing> = {
        ...parseChange(limits, 'thing', changes),
        ...(changes.name !== undefined && { name: parseName('thing', changes.name) }),
      }
      return access.change((change, tables, nowMs) => {
        const row = named(tables.things, 'thing', idOrName)
        const holder = given.name === undefined ? undefined : tables.things.find(given.name)
        if (holder !== undefined && holder.id !== row.id) throw nameTaken()
        const item: Thing = Object.freeze({ ...row.item, ...given, updatedAtMs: nowMs })
        change.put({ ...row, item })
        const principal = thingPrincipal(row.id)
        const { domain } = access
        if (row.item.enabled && !item.enabled) {
          change.announce({ kind: 'principal-revoked', domain, principal, deleted: false })
        } else if (item.enabled && !row.item.enabled)
          change.announce({ kind: 'changed', domain, principal, widens: true })
        return item
      })
    },

    async remove(idOrName) {
      access.checkAdmin()
      return access.change((change, tables) => {
        const row = named(tables.things, 'thing', idOrName)
        for (const key of tables.keysByThing.of(row.id)) change.delete(key)
        for (const grant of tables.grantsByThing.of(row.id)) change.delete(grant)
        change.delete(row)
        const principal = thingPrincipal(row.id)
        change.announce({ kind: 'principal-revoked', domain: access.domain, principal, deleted: true })
      })
    },
  }
}

function nameTaken(): ThingmeshError {
  // An id counts as a name: a thing that is called like another's id would never be found by its name.
  return new ThingmeshError('conflict', 'a thing of this name exists')
}
