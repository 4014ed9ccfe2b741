import type { Key } from '@thingmesh/core'
import {
  toChannelJson,
  toDomainJson,
  toGrantJson,
  toKeyJson,
  toNewDomainJson,
  toNewKeyJson,
  toNewThingJson,
  toNewTokenJson,
  toThingJson,
  toTokenJson,
} from '../control-json.ts'
import { describedQuery, grantQuery, noQuery, pageQuery } from '../query-schemas.ts'
import { emptyReply, jsonReply, jsonType } from '../reply.ts'
import { defineRoute, type Route } from '../route.ts'
import * as schemas from '../schemas.ts'
import { collectionRoutes, createdReply } from './collections.ts'

/** The registry: things and their keys, channels, grants, tokens, domains. */
export function controlRoutes(basePath: string): readonly Route[] {
  return [
    ...collectionRoutes(basePath, {
      tag: 'things',
      noun: 'Thing',
      of: control => control.things,
      schemas: {
        item: schemas.thing,
        created: schemas.newThing,
        draft: schemas.thingDraft,
        change: schemas.thingChange,
        query: describedQuery,
      },
      toItemJson: toThingJson,
      toCreatedJson: toNewThingJson,
    }),
    ...keyRoutes(basePath),
    ...collectionRoutes(basePath, {
      tag: 'channels',
      noun: 'Channel',
      of: control => control.channels,
      schemas: {
        item: schemas.channel,
        created: schemas.channel,
        draft: schemas.channelDraft,
        change: schemas.channelChange,
        query: describedQuery,
      },
      toItemJson: toChannelJson,
      toCreatedJson: toChannelJson,
    }),
    ...collectionRoutes(basePath, {
      tag: 'grants',
      noun: 'Grant',
      of: control => control.grants,
      schemas: {
        item: schemas.grant,
        created: schemas.grant,
        draft: schemas.grantDraft,
        change: schemas.grantChange,
        query: grantQuery,
      },
      toItemJson: toGrantJson,
      toCreatedJson: toGrantJson,
    }),
    ...tokenRoutes(basePath),
    ...domainRoutes(),
  ]
}

function keyRoutes(basePath: string): readonly Route[] {
  const path = '/api/v1/things/{thing}/keys'
  const facts = { tag: 'keys', access: 'control', query: noQuery } as const
  return [
    defineRoute({
      ...facts,
      method: 'GET',
      path,
      id: 'listKeys',
      summary: "List a thing's valid keys, without their secrets",
      produces: [jsonType],
      responses: { 200: { description: 'At most two.', schema: schemas.listOf(schemas.key) } },
      async handle({ session, parameters }) {
        const keys = await session.control().keys.list(parameters.thing!)
        return jsonReply(200, { items: keys.map(toKeyJson) })
      },
    }),
    defineRoute({
      ...facts,
      method: 'POST',
      path,
      id: 'createKey',
      summary: 'Create a second key of a thing, or register a public key of it',
      body: schemas.keyDraft,
      produces: [jsonType],
      responses: { 201: { description: 'Created.', schema: schemas.addedKey, headers: { Location: 'Its path.' } } },
      async handle({ session, parameters, body: { publicKey, ...draft } }) {
        const { keys } = session.control()
        const pathOf = (key: Key) => `${basePath}/api/v1/things/${key.thing}/keys/${key.id}`
        if (publicKey !== undefined) {
          const key = await keys.register(parameters.thing!, { ...draft, publicKey })
          return createdReply(pathOf(key), toKeyJson(key))
        }
        const key = await keys.create(parameters.thing!, draft)
        return createdReply(pathOf(key), toNewKeyJson(key))
      },
    }),
    defineRoute({
      ...facts,
      method: 'POST',
      path: `${path}/rotate`,
      id: 'rotateKey',
      summary: 'Create a new key of a thing and end the ones before it, after a grace',
      body: schemas.keyRotation,
      produces: [jsonType],
      responses: { 201: { description: 'Created.', schema: schemas.newKey, headers: { Location: 'Its path.' } } },
      async handle({ session, parameters, body }) {
        const key = await session.control().keys.rotate(parameters.thing!, body)
        return createdReply(`${basePath}/api/v1/things/${key.thing}/keys/${key.id}`, toNewKeyJson(key))
      },
    }),
    defineRoute({
      ...facts,
      method: 'DELETE',
      path: `${path}/{key}`,
      id: 'revokeKey',
      summary: 'Revoke a key; what it opened ends within a second',
      produces: [],
      responses: { 204: { description: 'Gone.' } },
      async handle({ session, parameters }) {
        await session.control().keys.revoke(parameters.thing!, parameters.key!)
        return emptyReply(204)
      },
    }),
  ]
}

function tokenRoutes(basePath: string): readonly Route[] {
  const path = '/api/v1/tokens'
  const facts = { tag: 'tokens', access: 'control' } as const
  return [
    defineRoute({
      ...facts,
      method: 'POST',
      path,
      id: 'createToken',
      summary: "Create an operator's or application's token",
      query: noQuery,
      body: schemas.tokenDraft,
      produces: [jsonType],
      responses: { 201: { description: 'Created.', schema: schemas.newToken, headers: { Location: 'Its path.' } } },
      async handle({ session, body }) {
        const token = await session.control().tokens.create(body)
        return createdReply(`${basePath}${path}/${token.id}`, toNewTokenJson(token))
      },
    }),
    defineRoute({
      ...facts,
      method: 'GET',
      path,
      id: 'listTokens',
      summary: 'List tokens, without their secrets',
      query: pageQuery,
      produces: [jsonType],
      responses: { 200: { description: 'A page.', schema: schemas.pageOf(schemas.token) } },
      async handle({ session, query }) {
        const { items, next } = await session.control().tokens.list(query)
        return jsonReply(200, { items: items.map(toTokenJson), next })
      },
    }),
    defineRoute({
      ...facts,
      method: 'GET',
      path: `${path}/{token}`,
      id: 'getToken',
      summary: 'Get a token by id, without its secret',
      query: noQuery,
      produces: [jsonType],
      responses: { 200: { description: 'Found.', schema: schemas.token } },
      async handle({ session, parameters }) {
        return jsonReply(200, toTokenJson(await session.control().tokens.get(parameters.token!)))
      },
    }),
    defineRoute({
      ...facts,
      method: 'DELETE',
      path: `${path}/{token}`,
      id: 'revokeToken',
      summary: 'Revoke a token; what it opened ends within a second',
      query: noQuery,
      produces: [],
      responses: { 204: { description: 'Gone.' } },
      async handle({ session, parameters }) {
        await session.control().tokens.revoke(parameters.token!)
        return emptyReply(204)
      },
    }),
  ]
}

function domainRoutes(): readonly Route[] {
  const facts = { path: '/api/v1/domains', tag: 'domains', access: 'control' } as const
  return [
    defineRoute({
      ...facts,
      method: 'POST',
      id: 'createDomain',
      summary: 'Create a domain, with its first admin token',
      description: 'For admin tokens of the domain `default`.',
      query: noQuery,
      body: schemas.domainDraft,
      produces: [jsonType],
      responses: { 201: { description: 'Created.', schema: schemas.newDomain } },
      async handle({ session, body }) {
        return jsonReply(201, toNewDomainJson(await session.control().domains.create(body)))
      },
    }),
    defineRoute({
      ...facts,
      method: 'GET',
      id: 'listDomains',
      summary: 'List domains',
      description: 'For admin tokens of the domain `default`.',
      query: pageQuery,
      produces: [jsonType],
      responses: { 200: { description: 'A page.', schema: schemas.pageOf(schemas.domain) } },
      async handle({ session, query }) {
        const { items, next } = await session.control().domains.list(query)
        return jsonReply(200, { items: items.map(toDomainJson), next })
      },
    }),
  ]
}
