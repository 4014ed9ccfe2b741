import { randomBytes } from 'node:crypto'
import {
  type Domain,
  type Draft,
  type Grant,
  type Key,
  type Message,
  matchesFilter,
  messageId,
  type Principal,
  parseFilter,
  parseTopic,
  type Thing,
  ThingmeshError,
  type Token,
} from '@thingmesh/core'
import { openPlaces } from '../../../src/auth/places.ts'
import type {
  Collection,
  Control,
  Cursor,
  Health,
  Hello,
  Ingress,
  ListenerContext,
  Meter,
  MetricFamily,
  ReadRequest,
  Session,
} from '../../../src/contracts/index.ts'

export interface FakeHub extends ListenerContext {
  /** What was accepted, in order. */
  readonly messages: Message[]
  /** Every session that was opened. */
  readonly opened: FakeSession[]
  readonly faults: unknown[]
  readonly counters: Map<string, { value: number }>
  health: Health
  /** Called before a publish commits. */
  beforeCommit: (() => Promise<void>) | undefined
  beforeOpen: ((hello: Hello) => Promise<void>) | undefined
  /** Ends the sessions that a credential opened, as the hub does on revocation. */
  revoke(secret: string): void
}

export interface FakeSession extends Session {
  readonly hello: Hello
  closedAs: string | undefined
}

export const secrets = { thing: 'k-sensor', admin: 't-admin', reader: 't-read' }

const principals: Readonly<Record<string, Principal>> = {
  [secrets.thing]: { id: 'thing:1', kind: 'thing', domain: 'default', credentialId: 'key-1' },
  [secrets.admin]: { id: 'user:1', kind: 'user', domain: 'default', control: 'admin', expiresAtMs: 4_102_444_800_000 },
  [secrets.reader]: { id: 'user:2', kind: 'user', domain: 'default', control: 'read' },
}

const log = { origin: 'hub', epoch: 'e1' }

/** As much of a hub as this listener can tell from a real one. */
export function fakeHub(): FakeHub {
  const messages: Message[] = []
  const retained = new Map<string, Message>()
  const opened: FakeSession[] = []
  const revoked = new Set<string>()
  const waiting = new Set<() => void>()
  const faults: unknown[] = []
  const counters = new Map<string, { value: number }>()
  const control = fakeControl()

  function accept(principal: Principal, hello: Hello, draft: Draft) {
    const address = parseTopic(draft.topic)
    if (address.channel === 'nowhere') throw new ThingmeshError('not-found', 'no such channel')
    if (address.channel === 'secret') throw new ThingmeshError('permission-denied', 'may not publish there')
    if (address.channel === 'broken') throw new Error('a stack of secrets')
    if (address.channel === 'busy') {
      throw new ThingmeshError('unavailable', 'the store is behind', { retryAfterSeconds: 2.2 })
    }
    const message: Message = {
      ...draft,
      ...address,
      log,
      sequence: messages.length + 1,
      domain: principal.domain,
      publisher: principal.id,
      clientId: hello.clientId ?? '',
      protocol: hello.protocol,
      acceptedAtMs: 1_700_000_000_000 + messages.length * 1000,
    }
    messages.push(message)
    if (draft.retain && draft.payload.byteLength === 0) retained.delete(draft.topic)
    else if (draft.retain) retained.set(draft.topic, message)
    for (const wake of waiting) wake()
    return message
  }

  /** What they are made of is nobody's business but the hub's. */
  const toCursor = (sequence: number): Cursor => `c${sequence}`
  const toSequence = (cursor: Cursor | undefined, absent: number) =>
    cursor === undefined ? absent : Number(cursor.slice(1))

  function select(request: ReadRequest): readonly Message[] {
    parseFilter(request.filter)
    const after = toSequence(request.after, 0)
    const before = toSequence(request.before, Number.POSITIVE_INFINITY)
    return messages.filter(
      message =>
        matchesFilter(request.filter, message.topic) &&
        message.sequence > after &&
        message.sequence < before &&
        message.acceptedAtMs >= (request.fromMs ?? 0) &&
        message.acceptedAtMs < (request.toMs ?? Number.POSITIVE_INFINITY) &&
        (request.publisher === undefined || message.publisher === request.publisher),
    )
  }

  async function untilFirst(request: ReadRequest): Promise<void> {
    while (select(request).length === 0) {
      await new Promise<void>((resolve, reject) => {
        const leave = () => reject(new ThingmeshError('canceled', 'gave up'))
        if (request.signal?.aborted === true) leave()
        waiting.add(resolve)
        request.signal?.addEventListener('abort', leave)
      })
    }
  }

  function openSession(hello: Hello, principal: Principal): FakeSession {
    const session: FakeSession = {
      hello,
      principal,
      resumed: false,
      expiresInSeconds: 0,
      closedAs: undefined,
      publish(draft) {
        if (session.closedAs !== undefined) throw new ThingmeshError('unauthenticated', 'the session has ended')
        const { sequence } = accept(principal, hello, draft)
        if (draft.delivery === 'at-most-once') return undefined
        return { id: messageId(log, sequence), committed: hub.beforeCommit?.() ?? Promise.resolve() }
      },
      async read(request) {
        if (request.waitMs !== undefined && request.waitMs > 0) await untilFirst(request)
        const found = select(request)
        const limit = request.limit ?? 100
        const page = request.newest === true ? found.slice(-limit) : found.slice(0, limit)
        const complete = page.length === found.length
        const edge = request.newest === true ? page[0]?.sequence : page.at(-1)?.sequence
        const scannedTo = complete && request.newest !== true ? messages.length : (edge ?? 0)
        return { messages: page, next: toCursor(scannedTo), complete }
      },
      cursorOf: ({ sequence }) => toCursor(sequence),
      // Streams are tested against a hub.
      follow() {
        throw new ThingmeshError('unsupported', 'not here')
      },
      latestAtHand: () => undefined,
      checkPublish: () => undefined,
      checkSubscribe: () => undefined,
      async latest(filter) {
        parseFilter(filter)
        return [...retained.values()].filter(message => matchesFilter(filter, message.topic))
      },
      channels: () => [],
      control() {
        if (principal.control === undefined) throw new ThingmeshError('permission-denied', 'no control scope')
        return control
      },
      async close(how) {
        session.closedAs = how
      },
      subscribe: () => Promise.reject(new Error('http does not subscribe')),
      unsubscribe: () => Promise.reject(new Error('http does not subscribe')),
      acknowledge: () => false,
      received: () => Promise.reject(new Error('http subscribes to nothing')),
      release: () => Promise.reject(new Error('http transfers nothing')),
      resume: () => {},
      renew: async () => {},
    }
    return session
  }

  const ingress: Ingress = {
    health: () => hub.health,
    async open(hello) {
      await hub.beforeOpen?.(hello)
      const { credential } = hello
      const secret = credential.kind === 'key' ? credential.secret : credential.kind === 'token' ? credential.token : ''
      const principal = Object.hasOwn(principals, secret) && !revoked.has(secret) ? principals[secret] : undefined
      if (principal === undefined || (credential.kind === 'key' && !fits(credential.identity))) {
        throw new ThingmeshError('unauthenticated', 'unknown credential')
      }
      const session = openSession(hello, principal)
      opened.push(session)
      return session
    },
  }

  const hub: FakeHub = {
    ingress,
    meter: fakeMeter(counters),
    places: openPlaces,
    keysPerPublisherMax: 4_096,
    onFault: error => faults.push(error),
    messages,
    opened,
    faults,
    counters,
    health: { status: 'pass', version: '1.2.3', checks: { store: { status: 'pass' } } },
    beforeCommit: undefined,
    beforeOpen: undefined,
    revoke(secret) {
      revoked.add(secret)
      for (const session of opened) {
        const { credential, outlet } = session.hello
        if (session.closedAs !== undefined || credential.kind !== 'key' || credential.secret !== secret) continue
        session.closedAs = 'by the hub'
        outlet?.close(new ThingmeshError('unauthenticated', 'the credential is no longer valid'))
      }
    },
  }
  return hub
}

function fits(identity: string | undefined): boolean {
  return identity === undefined || identity === 'sensor'
}

function fakeMeter(counters: Map<string, { value: number }>): Meter {
  return {
    counter(name, _help, labels = {}) {
      const key = `${name} ${Object.values(labels).join(' ')}`
      const counter = counters.get(key) ?? { value: 0 }
      counters.set(key, counter)
      return counter
    },
    gauge: () => {},
    histogram: () => ({ observe: () => {} }),
    collect: () => [],
  }
}

const metrics: readonly MetricFamily[] = [
  {
    name: 'thingmesh_test_total',
    help: 'A back\\slash and a\nline.',
    type: 'counter',
    samples: [{ suffix: '', labels: { reason: 'a "quoted"\nback\\slash' }, value: 3 }],
  },
  {
    name: 'thingmesh_test_seconds',
    help: 'A histogram.',
    type: 'histogram',
    samples: [
      { suffix: '_bucket', labels: { le: '+Inf' }, value: Number.POSITIVE_INFINITY },
      { suffix: '_sum', labels: {}, value: 0.5 },
    ],
  },
]

interface Stored {
  readonly id: string
  readonly name?: string
}

function fakeControl(): Control {
  const times = { domain: 'default', createdAtMs: 1_700_000_000_000, updatedAtMs: 1_700_000_000_000 }
  const facts = () => ({ id: randomBytes(16).toString('hex'), ...times })
  const keys: Key[] = []
  const secret = () => `secret-${randomBytes(4).toString('hex')}`
  const newKey = (thing: string) => {
    // More than the contract asks for, as a row of a registry may have: it must not get out.
    const key = { ...facts(), thing, kind: 'secret' as const, hash: 'keyed hash' }
    keys.push(key)
    return { ...key, secret: secret() }
  }
  const described = { metadata: {}, tags: [] as readonly string[], enabled: true }
  const things = collection<Thing & { readonly key: ReturnType<typeof newKey> }>(draft => {
    const entity = facts()
    return { ...entity, ...described, ...draft, key: newKey(entity.id) } as Thing & { key: ReturnType<typeof newKey> }
  })
  const tokens = collection<Token>(draft => ({ ...facts(), ...draft }) as Token)
  const domains = collection<Domain>(draft => ({ ...facts(), name: '', ...draft }) as Domain)
  const control = {
    domain: 'default',
    domains: {
      list: domains.list,
      create: async (draft: { name: string }) => ({
        ...(await domains.create(draft)),
        token: { ...(await tokens.create({ name: 'first', scope: 'admin' })), secret: secret() },
      }),
    },
    things,
    channels: collection(draft => ({
      ...facts(),
      ...described,
      record: 'all',
      retention: { maxAgeSeconds: 604_800, bytesMax: 1_073_741_824 },
      ...draft,
    })),
    grants: collection<Grant>(draft => ({ ...facts(), pattern: '#', ...draft }) as Grant),
    keys: {
      list: async (thing: string) => keys.filter(key => key.thing === thing),
      create: async (thing: string) => newKey(thing),
      register: async (thing: string, { publicKey }: { publicKey: string }) => {
        const key = { ...facts(), thing, kind: 'public-key' as const, publicKey }
        keys.push(key)
        return key
      },
      rotate: async (thing: string) => newKey(thing),
      revoke: async (_thing: string, id: string) => {
        const index = keys.findIndex(key => key.id === id)
        if (index === -1) throw new ThingmeshError('not-found', 'no such key')
        keys.splice(index, 1)
      },
    },
    tokens: {
      list: tokens.list,
      get: tokens.get,
      revoke: tokens.remove,
      create: async (draft: object) => ({ ...(await tokens.create(draft)), secret: secret() }),
    },
    metrics: () => metrics,
  }
  return control as unknown as Control
}

function collection<Item extends Stored>(
  make: (draft: object) => Stored,
): Collection<Item, object, object> & {
  createMany(drafts: readonly object[]): Promise<readonly Item[]>
} {
  const items = new Map<string, Item>()
  const find = (idOrName: string): Item => {
    const item = items.get(idOrName) ?? [...items.values()].find(({ name }) => name === idOrName)
    if (item === undefined) throw new ThingmeshError('not-found', 'no such item')
    return item
  }
  const create = async (draft: object): Promise<Item> => {
    const item = make(draft) as Item
    if (item.name !== undefined && [...items.values()].some(({ name }) => name === item.name)) {
      throw new ThingmeshError('conflict', 'the name is taken')
    }
    items.set(item.id, item)
    return item
  }
  return {
    create,
    createMany: drafts => Promise.all(drafts.map(create)),
    async list({ name = '', tag, metadata = {}, cursor = '0', limit = 100 } = {}) {
      const matching = [...items.values()].filter(item => {
        const { tags, metadata: own } = item as unknown as Thing
        return (
          (item.name ?? '').startsWith(name) &&
          (tag === undefined || tags.includes(tag)) &&
          Object.entries(metadata).every(([key, value]) => own[key] === value)
        )
      })
      const end = Number(cursor) + limit
      return { items: matching.slice(Number(cursor), end), next: end < matching.length ? String(end) : undefined }
    },
    get: async idOrName => find(idOrName),
    async update(idOrName, change) {
      const item = { ...find(idOrName), ...change }
      items.set(item.id, item)
      return item
    },
    remove: async idOrName => {
      items.delete(find(idOrName).id)
    },
  }
}
