import { actions, errorCodes, type JsonObject, keyKinds, recordPolicies, type TokenScope } from '@thingmesh/core'
import * as v from 'valibot'
import { jsonObject } from './query-schemas.ts'

// What the registry alone can tell (which names are taken, which characters a channel's name may have) it tells
// itself; here are shapes and bounds.
const name = v.pipe(v.string(), v.minLength(1, 'a string of at least 1'), v.maxLength(256, 'a string of at most 256'))
const reference = v.pipe(name, v.description('A name or an id.'))
const tags = v.pipe(v.array(name), v.maxLength(100, 'an array of at most 100'))
const someActions = v.pipe(
  v.array(v.picklist(actions)),
  v.minLength(1, 'an array of at least 1'),
  v.maxLength(actions.length, `an array of at most ${actions.length}`),
)

function wholeNumber(min: number, max: number) {
  const allowed = `a whole number from ${min} to ${max}`
  return v.pipe(v.number(allowed), v.integer(allowed), v.minValue(min, allowed), v.maxValue(max, allowed))
}

const tenYears = 315_360_000
const lifetime = wholeNumber(1, tenYears)

const described = {
  metadata: v.optional(jsonObject),
  tags: v.optional(tags),
  enabled: v.optional(v.boolean()),
}
const recorded = {
  record: v.optional(v.picklist(recordPolicies)),
  retention: v.optional(
    v.strictObject({
      maxAgeSeconds: v.exactOptional(wholeNumber(1, tenYears)),
      bytesMax: v.exactOptional(wholeNumber(1, Number.MAX_SAFE_INTEGER)),
    }),
  ),
}

export const thingDraft = v.strictObject({ name, ...described })
export const thingChange = v.strictObject({ name: v.exactOptional(name), ...described })
export const channelDraft = v.strictObject({ name, ...described, ...recorded })
export const channelChange = v.strictObject({ ...described, ...recorded })
export const grantDraft = v.strictObject({
  thing: reference,
  channel: reference,
  actions: someActions,
  pattern: v.optional(name),
})
export const grantChange = v.strictObject({ actions: v.optional(someActions), pattern: v.optional(name) })
const publicKey = v.pipe(
  v.string(),
  v.length(43, 'a string of 43'),
  v.description('Of Ed25519 (RFC 8032): 32 bytes in base64url, without padding.'),
)
export const keyDraft = v.optional(
  v.strictObject({ expiresInSeconds: v.optional(lifetime), publicKey: v.optional(publicKey) }),
  {},
)
export const keyRotation = v.optional(v.strictObject({ graceSeconds: v.optional(wholeNumber(0, 2_592_000)) }), {})
export const domainDraft = v.strictObject({ name })

const tokenScope: v.GenericSchema<TokenScope> = v.union([
  v.picklist(['admin', 'read']),
  v.strictObject({
    channels: v.pipe(
      v.array(name),
      v.minLength(1, 'an array of at least 1'),
      v.maxLength(1000, 'an array of at most 1000'),
    ),
  }),
])
export const tokenDraft = v.strictObject({ name, scope: tokenScope, expiresInSeconds: v.optional(lifetime) })

export function bulkOf<Item>(item: v.GenericSchema<unknown, Item>) {
  return v.strictObject({
    items: v.pipe(
      v.array(item),
      v.minLength(1, 'an array of at least 1'),
      v.maxLength(1000, 'an array of at most 1000'),
    ),
  })
}

export function listOf<Item>(item: v.GenericSchema<unknown, Item>) {
  return v.strictObject({ items: v.array(item) })
}

export function pageOf<Item>(item: v.GenericSchema<unknown, Item>) {
  return v.strictObject({
    items: v.array(item),
    next: v.optional(v.pipe(v.string(), v.description('The cursor of the next page; absent on the last one.'))),
  })
}

const principalKinds = ['thing', 'user', 'hub'] as const
const timestamp = v.pipe(v.string(), v.isoTimestamp())
const entity = { id: v.string(), domain: v.string(), createdAt: timestamp, updatedAt: timestamp }
const describedEntity = { metadata: jsonObject, tags: v.array(v.string()), enabled: v.boolean() }
const secret = v.pipe(v.string(), v.description('Shown this once.'))

const keyFacts = {
  ...entity,
  thing: v.string(),
  kind: v.picklist(keyKinds),
  publicKey: v.optional(v.string()),
  expiresAt: v.optional(timestamp),
}
export const key = v.strictObject(keyFacts)
export const newKey = v.strictObject({ ...keyFacts, secret })
/** Whoever brings a public key is shown no secret. */
export const addedKey = v.strictObject({ ...keyFacts, secret: v.optional(secret) })

const thingFacts = { ...entity, name: v.string(), ...describedEntity }
export const thing = v.strictObject(thingFacts)
export const newThing = v.strictObject({ ...thingFacts, key: newKey })

export const channel = v.strictObject({
  ...entity,
  name: v.string(),
  record: v.picklist(recordPolicies),
  retention: v.strictObject({ maxAgeSeconds: v.number(), bytesMax: v.number() }),
  ...describedEntity,
})

export const grant = v.strictObject({
  ...entity,
  thing: v.string(),
  channel: v.string(),
  actions: v.array(v.picklist(actions)),
  pattern: v.string(),
})

const tokenFacts = { ...entity, name: v.string(), scope: tokenScope, expiresAt: v.optional(timestamp) }
export const token = v.strictObject(tokenFacts)
export const newToken = v.strictObject({ ...tokenFacts, secret })

const domainFacts = { id: v.string(), name: v.string(), createdAt: timestamp, updatedAt: timestamp }
export const domain = v.strictObject(domainFacts)
export const newDomain = v.strictObject({ ...domainFacts, token: newToken })

export const principal = v.strictObject({
  id: v.string(),
  kind: v.picklist(principalKinds),
  domain: v.string(),
  control: v.optional(v.picklist(['admin', 'read'])),
  grants: v.optional(v.array(v.strictObject({ actions: v.array(v.picklist(actions)), filter: v.string() }))),
  expiresAt: v.optional(timestamp),
})

export const presence = v.strictObject({
  principal: v.string(),
  kind: v.picklist(principalKinds),
  connections: v.pipe(
    v.array(
      v.strictObject({
        protocol: v.string(),
        clientId: v.optional(v.pipe(v.string(), v.description('Absent where the peer gave none.'))),
        connectedAt: timestamp,
      }),
    ),
    v.description('The oldest first, at most 100; none where it is not connected.'),
  ),
  lastSeenAt: v.optional(timestamp),
  lastProtocol: v.optional(v.string()),
})

export const presenceUpdate = v.pipe(
  v.strictObject({
    reset: v.pipe(v.boolean(), v.description('All that was known before is void.')),
    items: v.array(presence),
    gone: v.pipe(v.array(v.string()), v.description('Principals that are no longer known.')),
  }),
  v.description('The `data` of each event.'),
)

export const message = v.strictObject({
  id: v.string(),
  cursor: v.string(),
  channel: v.string(),
  subtopic: v.string(),
  topic: v.string(),
  publisher: v.string(),
  protocol: v.string(),
  acceptedAt: timestamp,
  contentType: v.string(),
  delivery: v.picklist(['at-most-once', 'at-least-once', 'exactly-once']),
  retain: v.optional(v.literal(true)),
  properties: v.optional(
    v.strictObject({
      replyTo: v.optional(v.string()),
      correlation: v.optional(v.pipe(v.string(), v.description('Base64.'))),
      expiresInSeconds: v.optional(v.number()),
      utf8: v.optional(v.boolean()),
      headers: v.optional(v.array(v.strictTuple([v.string(), v.string()]))),
    }),
  ),
  encoding: v.pipe(v.picklist(['json', 'text', 'base64']), v.description('What `payload` is.')),
  payload: v.unknown(),
})

export const eventStream = v.pipe(
  v.string(),
  v.description(
    'Events of the default type: `id` is the cursor, `data` a message as JSON. One of the type `error` is the last: the right to it has ended, and `data` ' +
      'is the body of a refusal.',
  ),
)

export const messagePage = v.strictObject({
  messages: v.array(message),
  next: v.optional(
    v.pipe(
      v.string(),
      v.description('Where to go on: `after` this cursor, or `before` it where `last` was asked for.'),
    ),
  ),
  complete: v.optional(v.pipe(v.boolean(), v.description('Nothing that matches lies beyond `next`, as of now.'))),
})

export const receipt = v.strictObject({
  id: v.optional(v.pipe(v.string(), v.description('Absent for `qos=0`.'))),
})

const refusal = v.strictObject({
  code: v.picklist(errorCodes),
  message: v.string(),
  details: v.optional(v.record(v.string(), v.union([v.string(), v.number()]))),
})

export const batchLine = v.strictObject({
  subtopic: v.optional(v.pipe(v.string(), v.description('Below that of the path.'))),
  payload: v.pipe(
    v.unknown(),
    v.check(value => value !== undefined, 'a value'),
  ),
  encoding: v.optional(
    v.pipe(
      v.picklist(['json', 'text', 'base64']),
      v.description('What `payload` is: by itself, `text` for a string and `json` for everything else.'),
    ),
  ),
  contentType: v.optional(
    v.pipe(v.string(), v.regex(/^[\x20-\x7e]{0,256}$/, 'at most 256 printable ascii characters')),
  ),
  qos: v.optional(v.picklist([0, 1])),
  retain: v.optional(v.boolean()),
  expires: v.optional(wholeNumber(0, 4_294_967_295)),
  key: v.optional(v.pipe(v.string(), v.description('An idempotency key.'))),
  replyTo: v.optional(v.string()),
  correlation: v.optional(v.pipe(v.string(), v.description('Base64.'))),
  headers: v.optional(
    v.pipe(v.array(v.strictTuple([v.string(), v.string()])), v.maxLength(16, 'an array of at most 16')),
  ),
})

export const batchReceipt = v.strictObject({
  results: v.pipe(
    v.array(v.strictObject({ id: v.optional(v.string()), error: v.optional(refusal) })),
    v.description('In the order of the batch: the id, or why it was refused; neither with QoS 0.'),
  ),
})

/** By whether `batch=true` was asked for. */
export const published = v.union([receipt, batchReceipt])

const check = v.picklist(['pass', 'warn', 'fail'])
export const health = v.strictObject({
  status: check,
  version: v.string(),
  checks: v.record(v.string(), v.strictObject({ status: check, output: v.optional(v.string()) })),
})

export const text = v.string()
/** RFC 8428; in CBOR the labels are numbers. */
export const senmlPack = v.array(jsonObject)
export const openApiDocument = v.custom<JsonObject>(value => typeof value === 'object' && value !== null, 'an object')

export const failure = v.strictObject({
  error: refusal,
})

/** The schemas that the OpenAPI document gives a name. */
export const namedSchemas = {
  BatchLine: batchLine,
  BatchReceipt: batchReceipt,
  Channel: channel,
  ChannelChange: channelChange,
  ChannelDraft: channelDraft,
  Domain: domain,
  DomainDraft: domainDraft,
  Error: failure,
  Grant: grant,
  GrantChange: grantChange,
  GrantDraft: grantDraft,
  Health: health,
  Key: key,
  Message: message,
  MessagePage: messagePage,
  NewDomain: newDomain,
  NewKey: newKey,
  NewThing: newThing,
  NewToken: newToken,
  Presence: presence,
  PresenceUpdate: presenceUpdate,
  Principal: principal,
  Receipt: receipt,
  Thing: thing,
  ThingChange: thingChange,
  ThingDraft: thingDraft,
  Token: token,
  TokenDraft: tokenDraft,
} as const
