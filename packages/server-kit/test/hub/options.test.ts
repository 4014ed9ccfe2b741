import { describe, expect, it } from 'vitest'
import { failureThrottle, openAuthenticator, tokenAuthenticator } from '../../src/auth/index.ts'
import { rawTopics } from '../../src/dialects/index.ts'
import { createHub } from '../../src/index.ts'
import { coapListener, coapOverWebSocket, coapTcpListener } from '../../src/listeners/coap/index.ts'
import { httpHandler, httpListener, readPages } from '../../src/listeners/http/index.ts'
import { mqttListener, mqttOverWebSocket } from '../../src/listeners/mqtt/index.ts'
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
