import { type Domain, ThingmeshError } from '@thingmesh/core'
import type { DomainCollection } from '../contracts/index.ts'
import type { DomainAccess } from './context.ts'
import { parseName } from './described.ts'
import { checkCount } from './limits.ts'
import { parsePageQuery, toPage } from './page.ts'
import { defaultDomain } from './rows.ts'
import { newId } from './secrets.ts'
import { makeToken } from './tokens.ts'

/** What the first admin token of a domain is called. */
export const firstTokenName = 'first admin'

export function domainCollection(access: DomainAccess): DomainCollection {
  /** Its admins see which other domains there are, and nothing of what is in them. */
  const checkDefault = (): void => {
    access.checkAdmin()
    if (access.domain !== defaultDomain) {
      throw new ThingmeshError('permission-denied', `domains are for admins of the domain ${defaultDomain}`)
    }
  }

  return {
    async create(draft) {
      checkDefault()
      const name = parseName('domain', draft.name)
      return access.change((change, _tables, nowMs) => {
        const { domains } = access.context.state()
        if (domains.find(name) !== undefined) throw new ThingmeshError('conflict', 'a domain of this name exists')
        checkCount(access.limits, 'domainsMax', 'domains', domains.size + 1)
        // Not the name: the messages of a domain that is gone must not be found by a new one that is called the same.
        const id = newId()
        const item: Domain = Object.freeze({ id, name, createdAtMs: nowMs, updatedAtMs: nowMs })
        change.put({ kind: 'domain', id, item, claimed: true })
        const token = makeToken(access.context, change, id, { name: firstTokenName, scope: 'admin' })
        return Object.freeze({ ...item, token })
      })
    },

    async list(query = {}) {
      checkDefault()
      const { after, limit } = parsePageQuery(access.limits, query)
      return toPage(access.context.state().domains.from(after ?? '', true), row => row.item.name, limit)
    },
  }
}
