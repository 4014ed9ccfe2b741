import { toPresenceJson, toPresenceUpdateJson } from '../control-json.ts'
import { eventStreamReply, eventStreamType, plainHeartbeat, toEvent } from '../event-stream.ts'
import { noQuery, presenceQuery } from '../query-schemas.ts'
import { jsonReply, jsonType } from '../reply.ts'
import { defineRoute, type Route } from '../route.ts'
import { pageOf, presence, presenceUpdate } from '../schemas.ts'
import { unfitting } from './unfitting.ts'

/** Who is connected, and who was there. */
export function presenceRoutes({ heartbeatMs }: { readonly heartbeatMs: number }): readonly Route[] {
  const facts = { method: 'GET', tag: 'presence', access: 'control' } as const
  return [
    defineRoute({
      ...facts,
      path: '/api/v1/presence',
      id: 'listPresence',
      summary: 'List who is connected and who was seen since the hub started, or follow who comes and goes',
      description:
        'Things, and users of tokens, in the order in which they were first seen. As text/event-stream: everybody who is known, in ' +
        'events of which the first has `reset: true`, and then those that came or went, each as it is then.',
      query: presenceQuery,
      produces: [jsonType, eventStreamType],
      responses: {
        200: {
          description: 'A page.',
          schema: pageOf(presence),
          types: { [eventStreamType]: presenceUpdate },
        },
      },
      async handle({ accepted, query: { token, ...query }, session, signal }) {
        const { presence } = session.control()
        if (accepted === eventStreamType) {
          for (const [name, value] of Object.entries(query)) {
            if (value !== undefined) throw unfitting(name, 'without text/event-stream')
          }
          return eventStreamReply({
            follow: ended => presence.follow({ signal: AbortSignal.any([ended, signal()]) }),
            first: '',
            toEvents: update => toEvent(toPresenceUpdateJson(update)),
            toHeartbeat: () => plainHeartbeat,
            heartbeatMs,
          })
        }
        if (token !== undefined) throw unfitting('token', 'together with text/event-stream')
        const { items, next } = await presence.list(query)
        return jsonReply(200, { items: items.map(toPresenceJson), next })
      },
    }),
    defineRoute({
      ...facts,
      path: '/api/v1/things/{thing}/presence',
      id: 'getPresence',
      summary: 'Whether a thing is connected, and when it was seen last',
      query: noQuery,
      produces: [jsonType],
      responses: {
        200: { description: 'Without a last time where it was not seen since the hub started.', schema: presence },
      },
      async handle({ session, parameters }) {
        return jsonReply(200, toPresenceJson(await session.control().presence.get(parameters.thing!)))
      },
    }),
  ]
}
