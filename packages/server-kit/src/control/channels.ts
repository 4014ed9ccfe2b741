import { type Channel, type RecordPolicy, type Retention, recordPolicies, ThingmeshError } from '@thingmesh/core'
import type { ChannelChange, ChannelDraft, Control } from '../contracts/index.ts'
import { checkBatch, mapItems } from './batch.ts'
import { type DomainAccess, named } from './context.ts'
import { parseChange, parseDescribed, parseName, parseWhole } from './described.ts'
import { checkCount } from './limits.ts'
import { describedPage } from './page.ts'
import { newId } from './secrets.ts'

/** `LIMITS.md`, log retention per channel. */
const defaultRetention: Retention = Object.freeze({ maxAgeSeconds: 7 * 24 * 3600, bytesMax: 1024 ** 3 })

export function channelCollection(access: DomainAccess): Control['channels'] {
  const { limits } = access

  const createAll = async (drafts: readonly ChannelDraft[]): Promise<readonly Channel[]> => {
    const parsed = mapItems(drafts, draft => ({
      name: parseName('channel', draft.name),
      ...parseDescribed(limits, 'channel', draft),
      record: parseRecordPolicy(draft) ?? 'all',
      retention: toRetention(defaultRetention, parseRetention(draft)),
    }))
    return access.change((change, tables, nowMs) => {
      checkCount(limits, 'channelsMax', 'channels', tables.channels.size + parsed.length)
      const names = new Set<string>()
      const created = mapItems(parsed, draft => {
        // An id counts as a name: a channel that is called like another's id would never be found by its name.
        if (names.has(draft.name) || tables.channels.find(draft.name) !== undefined) {
          throw new ThingmeshError('conflict', 'a channel of this name exists')
        }
        names.add(draft.name)
        const id = newId()
        const item: Channel = Object.freeze({
          id,
          domain: access.domain,
          createdAtMs: nowMs,
          updatedAtMs: nowMs,
          ...draft,
        })
        change.put({ kind: 'channel', id, item })
        return item
      })
      change.announce({ kind: 'changed', domain: access.domain, widens: true })
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
      checkBatch(limits, 'channels to create', drafts)
      return drafts.length === 0 ? [] : createAll(drafts)
    },

    async list(query = {}) {
      return describedPage(limits, access.tables().channels, query)
    },

    async get(idOrName) {
      return named(access.tables().channels, 'channel', idOrName).item
    },

    async update(idOrName, changes) {
      access.checkAdmin()
      const record = parseRecordPolicy(changes)
      const given: Partial<Channel> = {
        ...parseChange(limits, 'channel', changes),
        ...(record !== undefined && { record }),
      }
      const retention = parseRetention(changes)
      return access.change((change, tables, nowMs) => {
        const row = named(tables.channels, 'channel', idOrName)
        const item: Channel = Object.freeze({
          ...row.item,
          ...given,
          retention: toRetention(row.item.retention, retention),
          updatedAtMs: nowMs,
        })
        change.put({ ...row, item })
        change.announce({ kind: 'changed', domain: access.domain, widens: true })
        return item
      })
    },

    async remove(idOrName) {
      access.checkAdmin()
      return access.change((change, tables) => {
        const row = named(tables.channels, 'channel', idOrName)
        for (const grant of tables.grantsByChannel.of(row.id)) change.delete(grant)
        change.delete(row)
        change.announce({ kind: 'changed', domain: access.domain })
      })
    },
  }
}

function parseRecordPolicy(draft: ChannelChange): RecordPolicy | undefined {
  if (draft.record === undefined || recordPolicies.includes(draft.record)) return draft.record
  throw new ThingmeshError('invalid-argument', `record of the channel: it is one of ${recordPolicies.join(', ')}`)
}

function parseRetention(draft: ChannelChange): Partial<Retention> {
  const { maxAgeSeconds, bytesMax } = draft.retention ?? {}
  const most = Number.MAX_SAFE_INTEGER
  return {
    ...(maxAgeSeconds !== undefined && {
      maxAgeSeconds: parseWhole('retention.maxAgeSeconds', maxAgeSeconds, 1, Math.floor(most / 1000)),
    }),
    ...(bytesMax !== undefined && { bytesMax: parseWhole('retention.bytesMax', bytesMax, 1, most) }),
  }
}

function toRetention(before: Retention, given: Partial<Retention>): Retention {
  return Object.freeze({ ...before, ...given })
}
