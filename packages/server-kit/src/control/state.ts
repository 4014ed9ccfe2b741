import type { Channel, DomainId } from '@thingmesh/core'
import type { ChannelRow, DomainRow, GrantRow, KeyRow, Row, RowKind, SecretRow, ThingRow, TokenRow } from './rows.ts'
import { Table } from './table.ts'

/** Everything of one domain. Nothing in here leads to another domain. */
export class DomainTables {
  readonly things = new Table<ThingRow>(row => row.item.name)
  readonly channels = new Table<ChannelRow>(row => row.item.name)
  readonly grants = new Table<GrantRow>(row => row.id)
  /** Names of tokens may repeat: the old and the new one while an application changes over. NUL cannot be in a name. */
  readonly tokens = new Table<TokenRow>(row => `${row.item.name}\0${row.id}`)
  readonly grantsByThing = new RowGroups<GrantRow>()
  readonly grantsByChannel = new RowGroups<GrantRow>()
  readonly keysByThing = new RowGroups<KeyRow>()
}

/** The registry as it is in force: the durable records, materialised. Loading and changing go the same way, by rows. */
export class RegistryState {
  readonly domains = new Table<DomainRow>(row => row.item.name)
  readonly keys = new Map<string, KeyRow>()
  readonly tokens = new Map<string, TokenRow>()
  /** By id, which is all that can be asked for across domains. */
  readonly things = new Map<string, ThingRow>()
  secret: SecretRow | undefined
  readonly #tables = new Map<DomainId, DomainTables>()

  /** Undefined where there is no such domain. */
  tables(domain: DomainId): DomainTables | undefined {
    return this.#tables.get(domain)
  }

  allTables(): IterableIterator<DomainTables> {
    return this.#tables.values()
  }

  *channels(): Generator<Channel> {
    for (const tables of this.#tables.values()) for (const row of tables.channels.values()) yield row.item
  }

  /** False where what the row belongs to is not there; nothing has changed then. */
  put(row: Row): boolean {
    if (row.kind === 'secret') {
      this.secret = row
      return true
    }
    if (row.kind === 'domain') {
      this.domains.put(row)
      if (!this.#tables.has(row.id)) this.#tables.set(row.id, new DomainTables())
      return true
    }
    const tables = this.#tables.get(row.item.domain)
    return tables !== undefined && this.#putIn(tables, row)
  }

  /** After loading: so that the first page asked for does not pay for sorting. */
  settle(): void {
    this.domains.settle()
    for (const { things, channels, grants, tokens } of this.#tables.values()) {
      for (const table of [things, channels, grants, tokens]) table.settle()
    }
  }

  delete(kind: RowKind, id: string, domain: DomainId): void {
    const tables = this.#tables.get(domain)
    if (tables === undefined) return
    switch (kind) {
      case 'thing':
        this.things.delete(id)
        tables.things.delete(id)
        break
      case 'channel':
        tables.channels.delete(id)
        break
      case 'grant': {
        const row = tables.grants.get(id)
        if (row === undefined) return
        tables.grants.delete(id)
        tables.grantsByThing.delete(row.item.thing, id)
        tables.grantsByChannel.delete(row.item.channel, id)
        break
      }
      case 'key': {
        const row = this.keys.get(id)
        if (row === undefined) return
        this.keys.delete(id)
        tables.keysByThing.delete(row.item.thing, id)
        break
      }
      case 'token':
        this.tokens.delete(id)
        tables.tokens.delete(id)
        break
      // Neither is ever deleted.
      case 'secret':
      case 'domain':
    }
  }

  #putIn(tables: DomainTables, row: Exclude<Row, DomainRow | SecretRow>): boolean {
    switch (row.kind) {
      case 'thing':
        this.things.set(row.id, row)
        tables.things.put(row)
        return true
      case 'channel':
        tables.channels.put(row)
        return true
      case 'grant':
        if (tables.things.get(row.item.thing) === undefined) return false
        if (tables.channels.get(row.item.channel) === undefined) return false
        tables.grants.put(row)
        tables.grantsByThing.put(row.item.thing, row)
        tables.grantsByChannel.put(row.item.channel, row)
        return true
      case 'key':
        if (tables.things.get(row.item.thing) === undefined) return false
        this.keys.set(row.id, row)
        tables.keysByThing.put(row.item.thing, row)
        return true
      case 'token':
        this.tokens.set(row.id, row)
        tables.tokens.put(row)
        return true
    }
  }
}

/** Rows by what they belong to. A group that is empty is not there. */
class RowGroups<Member extends { readonly id: string }> {
  readonly #groups = new Map<string, Map<string, Member>>()

  of(owner: string): readonly Member[] {
    const group = this.#groups.get(owner)
    return group === undefined ? [] : [...group.values()]
  }

  count(owner: string): number {
    return this.#groups.get(owner)?.size ?? 0
  }

  put(owner: string, member: Member): void {
    const group = this.#groups.get(owner)
    if (group === undefined) this.#groups.set(owner, new Map([[member.id, member]]))
    else group.set(member.id, member)
  }

  delete(owner: string, id: string): void {
    const group = this.#groups.get(owner)
    if (group === undefined) return
    group.delete(id)
    if (group.size === 0) this.#groups.delete(owner)
  }
}
