import { type ConversionConfig, toJsonSchema, toJsonSchemaDefs } from '@valibot/to-json-schema'
import { parameterName } from './path.ts'
import { jsonObject } from './query-schemas.ts'
import { jsonType } from './reply.ts'
import type { Access, Route, Schema } from './route.ts'
import { namedSchemas, openApiDocument } from './schemas.ts'

/** OpenAPI 3.1, whose schemas are JSON Schema 2020-12. */
export function toOpenApi(routes: readonly Route[], basePath: string, version: string): object {
  const paths: Record<string, Record<string, object>> = {}
  for (const route of routes) {
    paths[route.path] ??= {}
    paths[route.path]![route.method.toLowerCase()] = toOperation(route)
  }
  return {
    openapi: '3.1.0',
    info: { title: 'Thingmesh', version, license: { name: 'Apache-2.0', identifier: 'Apache-2.0' } },
    servers: [{ url: basePath === '' ? '/' : basePath }],
    paths,
    components: {
      schemas: withoutDrafts(toJsonSchemaDefs(namedSchemas, conversion)),
      responses: {
        Refused: {
          description: 'Refused. 401 comes with WWW-Authenticate, 429 and 503 with Retry-After, 405 with Allow.',
          content: { [jsonType]: { schema: toSchema(namedSchemas.Error) } },
        },
      },
      securitySchemes: {
        thing: { type: 'http', scheme: 'Thing', description: "A thing's key: `Authorization: Thing <key>`." },
        bearer: { type: 'http', scheme: 'bearer', description: "An operator's or application's token." },
        basic: { type: 'http', scheme: 'basic', description: "A thing's name or id, and its key." },
      },
    },
  }
}

const securityByAccess: Readonly<Record<Access, readonly object[]>> = {
  anybody: [],
  principal: [{ thing: [] }, { bearer: [] }, { basic: [] }],
  control: [{ bearer: [] }],
}

function toOperation(route: Route): object {
  return {
    operationId: route.id,
    tags: [route.tag],
    summary: route.summary,
    description: route.description,
    security: securityByAccess[route.access],
    parameters: [...toPathParameters(route.path), ...toQueryParameters(route.query), ...toHeaderParameters(route)],
    requestBody: toRequestBody(route),
    responses: toResponses(route),
  }
}

function toPathParameters(path: string): readonly object[] {
  const names = path.split('/').map(parameterName)
  return names
    .filter(name => name !== undefined)
    .map(name => ({
      name,
      in: 'path',
      required: true,
      description: name === 'subtopic' ? 'One level or more, joined by slashes that are not encoded.' : undefined,
      schema: { type: 'string' },
    }))
}

function toQueryParameters(query: Schema): readonly object[] {
  const { entries } = query as Schema & { readonly entries: Readonly<Record<string, Schema>> }
  return Object.entries(entries).map(([name, entry]) => ({
    name,
    in: 'query',
    required: entry.type !== 'optional',
    // `metadata[key]=value`.
    ...(name === 'metadata' ? { style: 'deepObject', explode: true } : undefined),
    schema: toParameterSchema(entry),
  }))
}

function toHeaderParameters({ headers = {} }: Route): readonly object[] {
  return Object.entries(headers).map(([name, description]) => ({
    name,
    in: 'header',
    required: false,
    description,
    schema: { type: 'string' },
  }))
}

/** The converter copies metadata: where a schema describes itself (see `query-schemas.ts`), that is what counts. */
function toParameterSchema(entry: Schema): object {
  const schema: { readonly parameter?: object } = toSchema(entry)
  return schema.parameter ?? schema
}

function toRequestBody({ body, bodies = {} }: Route): object | undefined {
  if (body === undefined) return undefined
  // JSON Schema has no type for bytes: in OpenAPI 3.1 an empty schema stands for them.
  if (body === 'payload') {
    const others = Object.entries(bodies).map(([type, schema]) => [type, { schema: toSchema(schema) }] as const)
    return { required: false, content: { '*/*': { schema: {} }, ...Object.fromEntries(others) } }
  }
  return { required: body.type !== 'optional', content: { [jsonType]: { schema: toSchema(body) } } }
}

function toResponses(route: Route): object {
  const responses: Record<string, object> = { default: { $ref: '#/components/responses/Refused' } }
  for (const [status, { description, schema, headers, types = {} }] of Object.entries(route.responses)) {
    responses[status] = {
      description,
      headers: headers && Object.fromEntries(Object.entries(headers).map(([name, text]) => [name, toHeader(text)])),
      content:
        schema && Object.fromEntries(route.produces.map(type => [type, { schema: toSchema(types[type] ?? schema) }])),
    }
  }
  return responses
}

function toHeader(description: string): object {
  return { description, schema: { type: 'string' } }
}

const conversion: ConversionConfig = {
  target: 'draft-2020-12',
  typeMode: 'input',
  errorMode: 'throw',
  // Of queries only, whose schemas describe themselves.
  ignoreActions: ['check'],
  definitions: namedSchemas,
  overrideRef: ({ referenceId }) => referenceTo(referenceId),
  overrideSchema({ valibotSchema }) {
    return valibotSchema === jsonObject || valibotSchema === openApiDocument ? { type: 'object' } : undefined
  },
}

function toSchema(schema: Schema): object {
  const name = Object.entries(namedSchemas).find(([, candidate]) => candidate === schema)?.[0]
  if (name !== undefined) return { $ref: referenceTo(name) }
  const { $schema, $defs, ...rest } = toJsonSchema(schema, conversion)
  return rest
}

function withoutDrafts(schemas: Readonly<Record<string, object>>): object {
  return Object.fromEntries(
    Object.entries(schemas).map(([name, schema]) => {
      const { $schema, $defs, ...rest } = schema as { $schema?: unknown; $defs?: unknown }
      return [name, rest]
    }),
  )
}

function referenceTo(name: string): string {
  return `#/components/schemas/${name}`
}
