import type { Ingress } from '../../../contracts/index.ts'
import { toPrincipalJson } from '../control-json.ts'
import { metricsType, toMetricsText } from '../metrics-text.ts'
import { noQuery } from '../query-schemas.ts'
import { bodyReply, jsonReply, jsonType } from '../reply.ts'
import { defineRoute, type Route } from '../route.ts'
import { health, openApiDocument, principal, text } from '../schemas.ts'

/** As in the IETF draft "Health Check Response Format for HTTP APIs", section 3. */
const healthType = 'application/health+json'

/** What the hub says of itself and of its caller. */
export function metaRoutes(ingress: Ingress, openApi: () => object): readonly Route[] {
  const facts = { method: 'GET', tag: 'hub', query: noQuery } as const
  return [
    defineRoute({
      ...facts,
      path: '/api/v1/me',
      id: 'getMe',
      summary: 'Who the credential belongs to',
      access: 'principal',
      produces: [jsonType],
      responses: { 200: { description: 'The principal.', schema: principal } },
      handle: ({ session }) => jsonReply(200, toPrincipalJson(session.principal)),
    }),
    defineRoute({
      ...facts,
      path: '/health',
      id: 'getHealth',
      summary: 'Whether the hub can do its work',
      access: 'anybody',
      produces: [healthType, jsonType],
      responses: {
        200: { description: 'It can.', schema: health },
        503: { description: 'It cannot.', schema: health },
      },
      handle() {
        const { status, version, checks } = ingress.health()
        const reply = { status, version, checks }
        return jsonReply(status === 'fail' ? 503 : 200, reply, { 'content-type': healthType })
      },
    }),
    defineRoute({
      ...facts,
      path: '/metrics',
      id: 'getMetrics',
      summary: 'Counters and gauges as Prometheus reads them',
      access: 'control',
      produces: ['text/plain'],
      responses: { 200: { description: 'Text exposition format 0.0.4.', schema: text } },
      handle: ({ session }) => bodyReply(200, metricsType, toMetricsText(session.control().metrics())),
    }),
    defineRoute({
      ...facts,
      path: '/openapi.json',
      id: 'getOpenApi',
      summary: 'This document',
      access: 'anybody',
      produces: [jsonType],
      responses: { 200: { description: 'OpenAPI 3.1.', schema: openApiDocument } },
      handle: () => jsonReply(200, openApi()),
    }),
  ]
}
