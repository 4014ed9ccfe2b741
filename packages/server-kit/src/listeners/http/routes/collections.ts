import type { Collection, Control, PageQuery } from '../../../contracts/index.ts'
import { noQuery } from '../query-schemas.ts'
import { emptyReply, jsonReply, jsonType, type Reply } from '../reply.ts'
import { defineRoute, type Route, type Schema } from '../route.ts'
import { bulkOf, listOf, pageOf } from '../schemas.ts'

/** A collection that may answer with more when it makes an item than afterwards. */
type OfferedCollection<Item, Created, Draft, Change, Query extends PageQuery> = Omit<
  Collection<Item, Draft, Change, Query>,
  'create'
> & {
  create(draft: Draft): Promise<Created>
  createMany(drafts: readonly Draft[]): Promise<readonly Created[]>
}

/** What it takes to offer one collection of the registry, whole. */
interface CollectionDefinition<Item, Created extends { readonly id: string }, Draft, Change, Query extends PageQuery> {
  readonly tag: 'things' | 'channels' | 'grants'
  /** `Thing` in operation ids, `thing` in paths and texts. */
  readonly noun: string
  readonly of: (control: Control) => OfferedCollection<Item, Created, Draft, Change, Query>
  readonly schemas: {
    readonly item: Schema
    readonly created: Schema
    readonly draft: Schema<Draft>
    readonly change: Schema<Change>
    readonly query: Schema<Query>
  }
  readonly toItemJson: (item: Item) => unknown
  readonly toCreatedJson: (item: Created) => unknown
}

export function collectionRoutes<Item, Created extends { readonly id: string }, Draft, Change, Query extends PageQuery>(
  basePath: string,
  definition: CollectionDefinition<Item, Created, Draft, Change, Query>,
): readonly Route[] {
  const { tag, noun, of, schemas, toItemJson, toCreatedJson } = definition
  const name = noun.toLowerCase()
  const facts = { tag, access: 'control' } as const
  const path = `/api/v1/${tag}`
  const itemPath = `${path}/{${name}}`
  const named = tag === 'grants' ? 'id' : 'id or name'
  return [
    defineRoute({
      ...facts,
      method: 'POST',
      path,
      id: `create${noun}`,
      summary: `Create a ${name}`,
      query: noQuery,
      body: schemas.draft,
      produces: [jsonType],
      responses: { 201: { description: 'Created.', schema: schemas.created, headers: { Location: 'Its path.' } } },
      async handle({ session, body }) {
        const created = await of(session.control()).create(body)
        return createdReply(`${basePath}${path}/${created.id}`, toCreatedJson(created))
      },
    }),
    defineRoute({
      ...facts,
      method: 'POST',
      path: `${path}/bulk`,
      id: `create${noun}s`,
      summary: `Create up to 1,000 ${tag}, all or none`,
      query: noQuery,
      body: bulkOf(schemas.draft),
      produces: [jsonType],
      responses: { 201: { description: 'All created, in order.', schema: listOf(schemas.created) } },
      async handle({ session, body }) {
        const created = await of(session.control()).createMany(body.items)
        return jsonReply(201, { items: created.map(toCreatedJson) })
      },
    }),
    defineRoute({
      ...facts,
      method: 'GET',
      path,
      id: `list${noun}s`,
      summary: `List ${tag}`,
      query: schemas.query,
      produces: [jsonType],
      responses: { 200: { description: 'A page.', schema: pageOf(schemas.item) } },
      async handle({ session, query }) {
        const { items, next } = await of(session.control()).list(query)
        return jsonReply(200, { items: items.map(toItemJson), next })
      },
    }),
    defineRoute({
      ...facts,
      method: 'GET',
      path: itemPath,
      id: `get${noun}`,
      summary: `Get a ${name} by ${named}`,
      query: noQuery,
      produces: [jsonType],
      responses: { 200: { description: 'Found.', schema: schemas.item } },
      async handle({ session, parameters }) {
        return jsonReply(200, toItemJson(await of(session.control()).get(parameters[name]!)))
      },
    }),
    defineRoute({
      ...facts,
      method: 'PATCH',
      path: itemPath,
      id: `update${noun}`,
      summary: `Change a ${name}`,
      description: 'What is left out stays; what is given replaces what was there, whole.',
      query: noQuery,
      body: schemas.change,
      produces: [jsonType],
      responses: { 200: { description: 'As it is now.', schema: schemas.item } },
      async handle({ session, parameters, body }) {
        return jsonReply(200, toItemJson(await of(session.control()).update(parameters[name]!, body)))
      },
    }),
    defineRoute({
      ...facts,
      method: 'DELETE',
      path: itemPath,
      id: `delete${noun}`,
      summary: `Delete a ${name}`,
      query: noQuery,
      produces: [],
      responses: { 204: { description: 'Gone.' } },
      async handle({ session, parameters }) {
        await of(session.control()).remove(parameters[name]!)
        return emptyReply(204)
      },
    }),
  ]
}

export function createdReply(location: string, value: unknown): Reply {
  return jsonReply(201, value, { location })
}
