import { describe, expect, it } from 'vitest'
import { failureThrottle, openAuthenticator, tokenAuthenticator } from '../../src/auth/index.ts'
import { rawTopics } from '../../src/dialects/index.ts'
import { createHub, defaultHubLimits, defaultRegistryLimits } from '../../src/index.ts'
import { coapListener, coapOverWebSocket, coapTcpListener } from '../../src/listeners/coap/index.ts'
import { defaultCoapLimits, defaultCoapTcpLimits } from '../../src/listeners/coap/options.ts'
import { httpHandler, httpListener, readPages } from '../../src/listeners/http/index.ts'
import { mqttListener, mqttOverWebSocket } from '../../src/listeners/mqtt/index.ts'
import { defaultMqttLimits } from '../../src/listeners/mqtt/options.ts'
import { messageFrames, webSockets } from '../../src/listeners/websocket/index.ts'
import { memoryStore } from '../../src/store/memory/index.ts'
import { sqliteStore } from '../../src/store/sqlite/index.ts'
import { tlsIdentity } from '../../src/tls/index.ts'

/** As JavaScript calls it, which no type stops. */
type Untyped = (options: unknown) => unknown
const create = createHub as Untyped
const store = memoryStore()

describe('an option that there is not is a TypeError that names it, and what was likely meant', () => {
  const cases: readonly (readonly [factory: string, make: Untyped, options: object, said: string])[] = [
    ['createHub', create, { store, limit: {} }, 'has no option limit, the nearest is limits'],
    ['limits', create, { store, limits: { subtopicMax: 1 } }, 'has no option subtopicMax'],
    ['limits', create, { store, limits: { windwMax: 1 } }, 'has no option windwMax, the nearest is windowMax'],
    ['registryLimits', create, { store, registryLimits: { thing: 1 } }, 'has no option thing'],
    ['mqttListener', mqttListener as Untyped, { prot: 1883 }, 'has no option prot, the nearest is port'],
    ['mqttListener', mqttListener as Untyped, { dialect: [] }, 'has no option dialect, the nearest is dialects'],
    ['mqttOverWebSocket', mqttOverWebSocket as Untyped, { paht: '/m' }, 'has no option paht, the nearest is path'],
    ['httpListener', httpListener as Untyped, { Port: 1 }, 'has no option Port, the nearest is port'],
    ['httpListener', httpListener as Untyped, { upgrad: {} }, 'has no option upgrad, the nearest is upgrade'],
    [
      'httpHandler',
      options => httpHandler({} as never, options as never),
      { port: 1 },
      'has no option port; there are',
    ],
    ['coapListener', coapListener as Untyped, { hosts: [] }, 'has no option hosts, the nearest is host'],
    ['coapTcpListener', coapTcpListener as Untyped, { tls: {} }, 'has no option tls; there are host, port, '],
    ['coapOverWebSocket', coapOverWebSocket as Untyped, { port: 1 }, 'has no option port; there are messageBytesMax'],
    ['webSockets', webSockets as Untyped, { route: [] }, 'has no option route, the nearest is routes'],
    [
      'messageFrames',
      messageFrames as Untyped,
      { keepAlive: 1 },
      'has no option keepAlive, the nearest is keepAliveMs',
    ],
    ['sqliteStore', sqliteStore as Untyped, { file: 'x.db' }, 'has no option file; there are path, durability'],
    ['memoryStore', memoryStore as Untyped, { path: 'x.db' }, 'has no option path; there are origin'],
    ['tokenAuthenticator', tokenAuthenticator as Untyped, { jwk: '' }, 'has no option jwk, the nearest is jwks'],
    [
      'openAuthenticator',
      openAuthenticator as Untyped,
      { chanel: 'a' },
      'has no option chanel, the nearest is channel',
    ],
    [
      'failureThrottle',
      failureThrottle as Untyped,
      { delayMax: 1 },
      'has no option delayMax, the nearest is delayMaxMs',
    ],
    ['tlsIdentity', tlsIdentity as Untyped, { crt: '' }, 'has no option crt, the nearest is cert'],
    ['readPages', options => readPages('.', options as never), { maxFiles: 1 }, 'has no option maxFiles; there are'],
    ['rawTopics', rawTopics as Untyped, { channels: 'a' }, 'has no option channels, the nearest is channel'],
  ]

  it.each(cases)('%s', async (factory, make, options, said) => {
    const made = (async () => make(options))()
    await expect(made).rejects.toThrow(`${factory} ${said}`)
    await expect(made).rejects.toBeInstanceOf(TypeError)
  })

  it.each([1883, null, 'hub.db', [], () => 1])('and so are options that are no object: %s', async options => {
    const made = (async () => (mqttListener as Untyped)(options))()
    await expect(made).rejects.toThrow(/^mqttListener takes its options as an object$/)
    await expect(made).rejects.toBeInstanceOf(TypeError)
  })

  it('and so is a list of a hub that is none', async () => {
    const authenticate = async () => undefined
    for (const wrong of [authenticate, [authenticate, 'key'], 'key']) {
      await expect(create({ store, authenticate: wrong })).rejects.toThrow(
        new TypeError('createHub: authenticate is an array of functions'),
      )
    }
    for (const listeners of [mqttListener({ port: 0 }), [mqttListener]]) {
      await expect(create({ store, listeners })).rejects.toThrow(
        new TypeError('createHub: listeners is an array of listeners, such as mqttListener()'),
      )
    }
  })
})

describe('an option whose value makes no sense is a TypeError that says what was found and what is allowed', () => {
  const timer = 'the limit is whole, 1 to 2147483647'
  const cases: readonly (readonly [factory: string, make: Untyped, options: object, said: string])[] = [
    [
      'limits',
      create,
      { store, limits: { waitMsMax: 2 ** 31 } },
      'waitMsMax: found number 2147483648, the limit is whole, 0 to 2147483647',
    ],
    [
      'limits',
      create,
      { store, limits: { windowMax: 0 } },
      'windowMax: found number 0, the limit is whole, 1 to Infinity',
    ],
    [
      'limits',
      create,
      { store, limits: { systemIntervalMs: -1 } },
      'systemIntervalMs: found number -1, the limit is whole, 0 to',
    ],
    ['limits', create, { store, limits: { pruneIntervalMs: 0 } }, `pruneIntervalMs: found number 0, ${timer}`],
    ['limits', create, { store, limits: { keysMax: null } }, 'keysMax: found object null, the limit is whole, 0 to'],
    [
      'limits',
      create,
      { store, limits: { topicControlCharacters: 'no' } },
      'topicControlCharacters: found string no, the limit is true, false',
    ],
    [
      'registryLimits',
      create,
      { store, registryLimits: { topicControlCharacters: 1 } },
      'topicControlCharacters: found number 1, the limit is true, false',
    ],
    [
      'mqttListener',
      mqttListener as Untyped,
      { port: 65_536 },
      'port: found number 65536, the limit is whole, 0 to 65535',
    ],
    [
      'mqttListener',
      mqttListener as Untyped,
      { connectTimeoutMs: Infinity },
      `connectTimeoutMs: found number Infinity, ${timer}`,
    ],
    [
      'mqttListener',
      mqttListener as Untyped,
      { receiveMaximum: 0 },
      'receiveMaximum: found number 0, the limit is whole, 1 to 65535',
    ],
    [
      'mqttOverWebSocket',
      mqttOverWebSocket as Untyped,
      { drainTimeoutMs: 0 },
      `drainTimeoutMs: found number 0, ${timer}`,
    ],
    ['httpListener', httpListener as Untyped, { port: -1 }, 'port: found number -1, the limit is whole, 0 to 65535'],
    ['httpListener', httpListener as Untyped, { requestTimeoutMs: 0 }, `requestTimeoutMs: found number 0, ${timer}`],
    [
      'httpListener',
      httpListener as Untyped,
      { trustProxy: 1 },
      'trustProxy: found number 1, the limit is true, false',
    ],
    [
      'httpHandler',
      options => httpHandler({} as never, options as never),
      { heartbeatMs: 0 },
      `heartbeatMs: found number 0, ${timer}`,
    ],
    [
      'coapListener',
      coapListener as Untyped,
      { ackRandomFactor: 0.9 },
      'ackRandomFactor: found number 0.9, the limit is 1 or more',
    ],
    [
      'coapListener',
      coapListener as Untyped,
      { addressProof: 'ecko' },
      'addressProof: found string ecko, the limit is echo,none',
    ],
    [
      'coapListener',
      coapListener as Untyped,
      { datagramBytesMax: 65_536 },
      'datagramBytesMax: found number 65536, the limit is whole, 16 to',
    ],
    [
      'coapListener',
      coapListener as Untyped,
      { exchangesMax: Number.POSITIVE_INFINITY },
      'exchangesMax: found number Infinity, the limit is whole, 0 to 16777216',
    ],
    [
      'coapTcpListener',
      coapTcpListener as Untyped,
      { port: 0.5 },
      'port: found number 0.5, the limit is whole, 0 to 65535',
    ],
    [
      'coapOverWebSocket',
      coapOverWebSocket as Untyped,
      { settingsTimeoutMs: 0 },
      `settingsTimeoutMs: found number 0, ${timer}`,
    ],
    [
      'messageFrames',
      messageFrames as Untyped,
      { publishesMax: 0 },
      'publishesMax: found number 0, the limit is whole, 1 to Infinity',
    ],
    [
      'sqliteStore',
      sqliteStore as Untyped,
      { path: 'x.db', durability: 'dsik' },
      'durability: found string dsik, the limit is disk,process',
    ],
    [
      'tokenAuthenticator',
      tokenAuthenticator as Untyped,
      { clockToleranceSeconds: -1 },
      'clockToleranceSeconds: found number -1, the',
    ],
    [
      'failureThrottle',
      failureThrottle as Untyped,
      { delayMaxMs: Number.NaN },
      `delayMaxMs: found number NaN, ${timer}`,
    ],
    [
      'readPages',
      options => readPages('.', options as never),
      { filesMax: '1' },
      'filesMax: found string 1, the limit is whole',
    ],
  ]

  it.each(cases)('%s: %#', async (factory, make, options, said) => {
    const made = (async () => make(options))()
    await expect(made).rejects.toThrow(`${factory}: ${said}`)
    await expect(made).rejects.toBeInstanceOf(TypeError)
  })

  /** Every option that is a number, by its default. */
  const numbers: readonly (readonly [factory: string, make: Untyped, defaults: object])[] = [
    ['limits', limits => create({ store, limits }), defaultHubLimits],
    ['registryLimits', registryLimits => create({ store, registryLimits }), defaultRegistryLimits],
    ['mqttListener', mqttListener as Untyped, defaultMqttLimits],
    ['coapListener', coapListener as Untyped, defaultCoapLimits],
    ['coapTcpListener', coapTcpListener as Untyped, defaultCoapTcpLimits],
  ]

  it.each(numbers)('%s: each of its numbers', async (_, make, defaults) => {
    for (const [name, byDefault] of Object.entries(defaults)) {
      if (typeof byDefault !== 'number') continue
      for (const wrong of [Number.NaN, -1, 0.5, '5', null, true]) {
        await expect((async () => make({ [name]: wrong }))(), `${name}: ${wrong}`).rejects.toThrow(`${name}: found`)
      }
      await expect((async () => make({ [name]: byDefault }))(), name).resolves.toBeDefined()
      await expect((async () => make({ [name]: undefined }))(), name).resolves.toBeDefined()
    }
  })
})
