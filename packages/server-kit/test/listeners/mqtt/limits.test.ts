import { describe, expect, it, vi } from 'vitest'
import { defaultHubLimits } from '../../../src/index.ts'
import { defaultMqttLimits } from '../../../src/listeners/mqtt/index.ts'
import { gatedStore } from '../../support/gated-store.ts'
import { lasting, type Site, type SiteOptions, startSite, type Thing } from './fixture.ts'
import { bytes } from './peer.ts'

/*
 * Every limit that MQTT can run into: set so low that it is in reach, reached, and counted where its row says. A limit
 * without a row fails here.
 */

interface Row {
  readonly limit: string
  /** What it is set to. */
  readonly value: number
  readonly counter: readonly [name: string, labels?: Readonly<Record<string, string>>]
  readonly reach: (site: Site, thing: Thing) => Promise<unknown>
  /** Others that have to be out of the way, or to let it be reached. */
  readonly also?: SiteOptions
  /** The store writes nothing until the limit is reached. */
  readonly isStoreHeld?: boolean
}

const refused = (limit: string) => ['thingmesh_refused_total', { limit }] as const
const cut = (limit: string) => ['thingmesh_mqtt_refused_total', { limit }] as const
const failed = (code: string) => ['thingmesh_mqtt_failures_total', { code }] as const
const keysForgotten = (limit: string) => ['thingmesh_idempotency_keys_forgotten_total', { limit }] as const
const dropped = (reason: string) => ['thingmesh_messages_dropped_total', { reason }] as const

const publish = (topic: string, size = 1, options = {}) => {
  return async (site: Site, thing: Thing) => (await site.connect(thing)).publish(topic, new Uint8Array(size), options)
}
const connectAnd = (count: number) => async (site: Site, thing: Thing) => {
  for (let i = 0; i < count; i++) {
    const peer = await site.open()
    peer.sendConnect(site.credentials(thing))
  }
}
const userProperties = (count: number, size: number) => ({
  properties: { userProperties: Array.from({ length: count }, (): [string, string] => ['n', 'v'.repeat(size)]) },
})

/** A subscriber that does not acknowledge, or does not read, and so many messages for it. */
const slow = (count: number, size: number, how: 'acknowledge' | 'read', qos: 0 | 1 = 1) => {
  return async (site: Site, thing: Thing) => {
    const reader = await site.connect(thing, lasting(5))
    await reader.subscribe('telemetry/#', { qos })
    reader.acknowledges = false
    if (how === 'read') reader.socket.pause()
    const speaker = await site.connect(thing)
    for (let i = 0; i < count; i++) await speaker.publish('telemetry/a', new Uint8Array(size))
  }
}

const rows: readonly Row[] = [
  { limit: 'topicBytesMax', value: 20, counter: refused('topic'), reach: publish('telemetry/0123456789x') },
  { limit: 'topicLevelsMax', value: 2, counter: refused('topic'), reach: publish('telemetry/a/b') },
  { limit: 'payloadBytesMax', value: 10, counter: refused('payload-size'), reach: publish('telemetry/a', 11) },
  {
    limit: 'clientIdBytesMax',
    value: 8,
    counter: refused('client-id'),
    reach: async (site, thing) => (await site.open()).connect(site.credentials(thing, { clientId: 'nine byte' })),
  },
  {
    limit: 'willBytesMax',
    value: 4,
    counter: refused('will-size'),
    reach: (site, thing) =>
      site.connect(thing, { will: { topic: 'telemetry/w', payload: bytes('large'), qos: 0, retain: false } }),
  },
  {
    limit: 'subscriptionsPerSessionMax',
    value: 1,
    counter: refused('subscriptions'),
    reach: async (site, thing) => (await site.connect(thing)).subscribe(['telemetry/a', 'telemetry/b']),
  },
  {
    limit: 'windowMax',
    value: 1,
    counter: ['thingmesh_sessions_window_full_total'],
    reach: slow(3, 1, 'acknowledge'),
  },
  { limit: 'keysPerPublisherMax', value: 1, counter: keysForgotten('keys-per-publisher'), reach: useKeys(2) },
  { limit: 'keysMax', value: 1, counter: keysForgotten('keys'), reach: useKeys(2) },
  {
    limit: 'transfersMax',
    value: 1,
    counter: refused('transfers'),
    reach: async (site, thing) => {
      const peer = await site.connect(thing)
      for (let id = 1; id < 3; id++) {
        peer.sendPublish('telemetry/a', 'x', { qos: 2, packetId: id })
        await peer.takeAnswer('pubrec', id)
      }
    },
  },
  { limit: 'sessionsMax', value: 2, counter: refused('sessions'), reach: connectAnd(3) },
  { limit: 'sessionsPerPrincipalMax', value: 2, counter: refused('sessions-per-principal'), reach: connectAnd(3) },
  {
    limit: 'presencesMax',
    value: 0,
    counter: ['thingmesh_presences_forgotten_total', {}],
    reach: async (site, thing) => (await site.connect(thing)).socket.destroy(),
  },
  {
    limit: 'retainedPerDomainMax',
    value: 0,
    counter: refused('retained-count'),
    reach: publish('telemetry/a', 1, { retain: true }),
  },
  {
    limit: 'retainedBytesMax',
    value: 10,
    counter: refused('retained-size'),
    reach: publish('telemetry/a', 11, { retain: true }),
  },
  {
    limit: 'commitBytesMax',
    value: 1_000,
    counter: refused('store-behind'),
    isStoreHeld: true,
    reach: async (site, thing) => {
      const peer = await site.connect(thing)
      for (let i = 0; i < 6; i++) peer.sendPublish('telemetry/a', new Uint8Array(500))
    },
  },
  {
    limit: 'recordBytesMax',
    value: 1_000,
    counter: ['thingmesh_messages_not_recorded_total'],
    isStoreHeld: true,
    reach: async (site, thing) => {
      const peer = await site.connect(thing)
      for (let i = 0; i < 6; i++) peer.sendPublish('telemetry/a', new Uint8Array(500), { qos: 0 })
    },
  },
  {
    limit: 'queueMessagesMax',
    value: 2,
    counter: ['thingmesh_sessions_behind_total'],
    also: { limits: { windowMax: 1 } },
    reach: slow(6, 1, 'acknowledge'),
  },
  {
    limit: 'queueBytesMax',
    value: 1_000,
    counter: ['thingmesh_sessions_behind_total'],
    also: { limits: { windowMax: 1 } },
    reach: slow(6, 500, 'acknowledge'),
  },
  {
    limit: 'queuesBytesMax',
    value: 1_000,
    counter: ['thingmesh_sessions_behind_total'],
    also: { limits: { windowMax: 1 } },
    reach: slow(6, 500, 'acknowledge'),
  },
  { limit: 'packetBytesMax', value: 1_000, counter: failed('too-large'), reach: tell('telemetry/a', 1_001) },
  {
    limit: 'connectBytesMax',
    value: 200,
    counter: failed('too-large'),
    reach: async site => (await site.open()).sendConnect({ username: 'u'.repeat(200) }),
  },
  { limit: 'connectTimeoutMs', value: 500, counter: cut('connect-timeout'), reach: site => site.open() },
  {
    limit: 'keepAliveSecondsMin',
    value: 1,
    counter: cut('keep-alive'),
    reach: (site, thing) => site.connect(thing, { keepAliveSeconds: 1 }),
  },
  {
    limit: 'keepAliveSecondsMax',
    value: 1,
    counter: cut('keep-alive'),
    also: { listener: { keepAliveSecondsMin: 1 } },
    reach: (site, thing) => site.connect(thing, { keepAliveSeconds: 1_000 }),
  },
  {
    limit: 'keepAliveSecondsDefault',
    value: 1,
    counter: cut('keep-alive'),
    reach: (site, thing) => site.connect(thing, { keepAliveSeconds: 0 }),
  },
  {
    limit: 'receiveMaximum',
    value: 2,
    counter: failed('rate-limited'),
    isStoreHeld: true,
    reach: async (site, thing) => {
      const peer = await site.connect(thing)
      for (let i = 0; i < 3; i++) peer.sendPublish('telemetry/a', 'x')
    },
  },
  {
    limit: 'receiveMaximumOnRequest',
    value: 3,
    counter: failed('rate-limited'),
    also: { listener: { receiveMaximum: 2 } },
    isStoreHeld: true,
    reach: async (site, thing) => {
      const peer = await site.connect(thing, { properties: { userProperties: [['server-receive-maximum', '9']] } })
      for (let i = 0; i < 4; i++) peer.sendPublish('telemetry/a', 'x')
    },
  },
  {
    limit: 'topicAliasMaximum',
    value: 2,
    counter: failed('invalid-argument'),
    reach: tell('telemetry/a', 1, { properties: { topicAlias: 3 } }),
  },
  {
    limit: 'userPropertiesMax',
    value: 2,
    counter: failed('invalid-argument'),
    reach: tell('telemetry/a', 1, userProperties(3, 1)),
  },
  {
    limit: 'userPropertyBytesMax',
    value: 20,
    counter: failed('invalid-argument'),
    reach: tell('telemetry/a', 1, userProperties(1, 20)),
  },
  {
    limit: 'filtersPerSubscribeMax',
    value: 1,
    counter: failed('too-large'),
    reach: async (site, thing) => (await site.connect(thing)).sendSubscribe(['telemetry/a', 'telemetry/b']),
  },
  {
    limit: 'socketBytesMax',
    value: 1_000,
    counter: dropped('slow-reader'),
    reach: slow(600, 60_000, 'read', 0),
  },
  {
    limit: 'drainTimeoutMs',
    value: 500,
    counter: cut('drain-timeout'),
    also: { listener: { socketBytesMax: 1_000 } },
    reach: slow(600, 60_000, 'read', 0),
  },
  {
    limit: 'sharedMembersMax',
    value: 1,
    counter: refused('shared-members'),
    reach: async (site, thing) => {
      for (let i = 0; i < 2; i++) await (await site.connect(thing)).subscribe('$share/group/telemetry/#')
    },
  },
  {
    limit: 'sharedPassedOverMax',
    value: 1,
    counter: ['thingmesh_shared_subscriptions_held_total'],
    also: { limits: { windowMax: 1 } },
    reach: async (site, thing) => {
      const narrow = await site.thing('narrow', [{ channel: 'telemetry', actions: ['subscribe'], pattern: 'a' }])
      const other = await site.thing('other', [{ channel: 'telemetry', actions: ['subscribe'], pattern: 'b' }])
      for (const one of [narrow, other]) {
        const peer = await site.connect(one)
        peer.acknowledges = false
        await peer.subscribe('$share/group/telemetry/#')
      }
      for (let i = 0; i < 3; i++) await publish('telemetry/a', 1, { qos: 1 })(site, thing)
    },
  },
  { limit: 'connectionsMax', value: 2, counter: cut('connections'), reach: connectAnd(3) },
  { limit: 'connectionsPerAddressMax', value: 2, counter: cut('connections-per-address'), reach: connectAnd(3) },
]

/** Clamped, and told in CONNACK; what MQTT does not reach; what is no bound; and what authentication.test.ts reaches. */
const elsewhere = [
  'sessionExpirySecondsMax',
  'waitMsMax',
  'lastValuesBytesMax',
  'pruneIntervalMs',
  'systemIntervalMs',
  'authRoundsMax',
  'authBytesMax',
  'authIntervalMsMin',
]

describe('the limits that MQTT can run into', () => {
  it('each have a row here, or a reason why not', () => {
    const numeric = Object.entries({ ...defaultHubLimits, ...defaultMqttLimits }).filter(
      ([, value]) => typeof value === 'number',
    )
    expect([...rows.map(({ limit }) => limit), ...elsewhere].sort()).toEqual(numeric.map(([name]) => name).sort())
  })

  it.each(rows)('$limit is counted in $counter', async ({ limit, value, counter, reach, also, isStoreHeld }) => {
    const store = gatedStore()
    const own = { [limit]: value }
    const site = await startSite({
      store,
      limits: { ...also?.limits, ...(limit in defaultHubLimits && own) },
      listener: { ...also?.listener, ...(limit in defaultMqttLimits && own) },
    })
    const thing = await site.thing('sensor')
    expect(site.counter(...counter)).toBe(0)
    if (isStoreHeld) store.hold()
    await reach(site, thing)
    await vi.waitFor(() => expect(site.counter(...counter)).toBeGreaterThan(0), { timeout: 10_000 })
    store.release()
    expect(site.faults).toEqual([])
  })

  it('sessionExpirySecondsMax is told in CONNACK', async () => {
    const site = await startSite({ limits: { sessionExpirySecondsMax: 7 } })
    const { properties } = await site.enter(await site.thing('sensor'), lasting(5))
    expect(properties?.sessionExpiryInterval).toBe(7)
  })
})

function useKeys(count: number) {
  return async (site: Site, thing: Thing) => {
    const peer = await site.connect(thing)
    for (let i = 0; i < count; i++) {
      await peer.publish('telemetry/a', 'x', { properties: { userProperties: [['idempotency-key', `${i}`]] } })
    }
  }
}

/** Without waiting for an answer: there is none. */
function tell(topic: string, size: number, options = {}) {
  return async (site: Site, thing: Thing) =>
    (await site.connect(thing)).sendPublish(topic, new Uint8Array(size), options)
}
