import { describe, expect, it, onTestFinished } from 'vitest'
import {
  type Client,
  type ClientOptions,
  connectHttp,
  createAdmin,
  httpTransport,
  openClient,
} from '../../src/client/index.ts'
import { type MqttTransportOptions, mqttTransport } from '../../src/client/mqtt/index.ts'
import { rejection } from './scripted-server.ts'
import { scriptedTransport } from './scripted-transport.ts'

async function open(options: ClientOptions = {}): Promise<Client> {
  const client = await openClient(scriptedTransport(), options)
  onTestFinished(() => client.close())
  return client
}

const url = 'http://127.0.0.1:1'
const key = 'k'
const fetch = async (): Promise<never> => Promise.reject(new TypeError('nothing may be asked for'))
const overMqtt = (options: MqttTransportOptions) =>
  mqttTransport(async () => Promise.reject(new Error('none')), options)
const first = (generator: AsyncGenerator<unknown, void, undefined>): Promise<unknown> => generator.next()

/** Where options are given, each by its name. */
const uses: Readonly<Record<string, (options: object) => unknown>> = {
  openClient: open,
  'client.channel': async options => (await open()).channel('c', options),
  'channel.publish': async options => (await open()).channel('c').publish('text', options),
  'channel.history': async options => first((await open()).channel('c').history(options)),
  mqttTransport: options => overMqtt(options),
  httpTransport: options => httpTransport(url, { key, fetch, ...options }),
  connectHttp: options => connectHttp(url, { key, fetch, ...options }),
  'connectHttp.read': options => connectHttp(url, { key, fetch }).read('c', options),
  'connectHttp.follow': options => first(connectHttp(url, { key, fetch }).follow('c', { after: '', ...options })),
  createAdmin: options => createAdmin(url, { token: 't', fetch, ...options }),
  'presence.follow': options => first(createAdmin(url, { token: 't', fetch }).presence.follow(options)),
}

const timer = 'whole, 1 to 2147483647'
const policies = 'block,drop-oldest,latest-only,none'

const refused: readonly (readonly [use: string, options: object, message: string])[] = [
  ['openClient', { connectTimeoutMs: Number.NaN }, `connectTimeoutMs: found number NaN, the limit is ${timer}`],
  ['openClient', { connectTimeoutMs: '500' }, `connectTimeoutMs: found string 500, the limit is ${timer}`],
  // A timer that is to run for ever ends at once.
  ['openClient', { connectTimeoutMs: Infinity }, `connectTimeoutMs: found number Infinity, the limit is ${timer}`],
  ['openClient', { waitersMax: -1 }, 'waitersMax: found number -1, the limit is whole, 0 to Infinity'],
  ['openClient', { backoff: { min: 1, max: 2 } }, `firstMs: found number NaN, the limit is ${timer}`],
  ['openClient', { backoff: { firstMs: 0, maxMs: 2 } }, `firstMs: found number 0, the limit is ${timer}`],
  ['openClient', { backoff: { firstMs: 1, maxMs: -2 } }, `maxMs: found number -2, the limit is ${timer}`],
  ['client.channel', { policy: 'drop-oldst' }, `policy: found string drop-oldst, the limit is ${policies}`],
  ['client.channel', { policy: true }, `policy: found boolean true, the limit is ${policies}`],
  ['client.channel', { countMax: 0 }, 'countMax: found number 0, the limit is whole, 1 to Infinity'],
  ['client.channel', { countMax: 1.5 }, 'countMax: found number 1.5, the limit is whole, 1 to Infinity'],
  ['client.channel', { bytesMax: 0 }, 'bytesMax: found number 0, the limit is whole, 1 to Infinity'],
  ['client.channel', { ageMaxMs: 0 }, 'ageMaxMs: found number 0, the limit is whole, 1 to Infinity'],
  [
    'channel.publish',
    { delivery: 'exactly-once' },
    'delivery: found string exactly-once, the limit is at-least-once,at-most-once',
  ],
  [
    'mqttTransport',
    { sessionSeconds: Infinity },
    'sessionSeconds: found number Infinity, the limit is whole, 0 to 4294967295',
  ],
  [
    'mqttTransport',
    { keepAliveSeconds: 65_536 },
    'keepAliveSeconds: found number 65536, the limit is whole, 0 to 65535',
  ],
  ['channel.history', { pageSize: 0 }, 'pageSize: found number 0, the limit is whole, 1 to 1000'],
  ['channel.history', { last: '5' }, 'last: found string 5, the limit is whole, 1 to 1000'],
  ['channel.history', { fromMs: Number.NaN }, 'fromMs: found number NaN, the limit is'],
  ['mqttTransport', { timeoutMs: 0 }, `timeoutMs: found number 0, the limit is ${timer}`],
  ['mqttTransport', { receiveMaximum: 0 }, 'receiveMaximum: found number 0, the limit is whole, 1 to 65535'],
  ['mqttTransport', { packetBytesMax: 0.5 }, 'packetBytesMax: found number 0.5, the limit is whole, 1 to 4294967295'],
  ['mqttTransport', { wireBytesMax: -1 }, 'wireBytesMax: found number -1, the limit is whole, 0 to Infinity'],
  ['httpTransport', { silenceMs: 0 }, `silenceMs: found number 0, the limit is ${timer}`],
  ['httpTransport', { checkMs: -5 }, `checkMs: found number -5, the limit is ${timer}`],
  ['httpTransport', { eventBytesMax: 0 }, 'eventBytesMax: found number 0, the limit is whole, 1 to Infinity'],
  ['httpTransport', { timeoutMs: Number.NaN }, `timeoutMs: found number NaN, the limit is ${timer}`],
  ['connectHttp', { timeoutMs: 3e9 }, `timeoutMs: found number 3000000000, the limit is ${timer}`],
  ['connectHttp.read', { limit: 0 }, 'limit: found number 0, the limit is whole, 1 to 1000'],
  ['connectHttp.read', { last: 1_001 }, 'last: found number 1001, the limit is whole, 1 to 1000'],
  ['connectHttp.read', { waitSeconds: 31 }, 'waitSeconds: found number 31, the limit is whole, 0 to 30'],
  ['connectHttp.read', { fromMs: Number.NaN }, 'fromMs: found number NaN, the limit is'],
  ['connectHttp.read', { toMs: '1' }, 'toMs: found string 1, the limit is'],
  ['connectHttp.follow', { waitSeconds: 1.5 }, 'waitSeconds: found number 1.5, the limit is whole, 0 to 30'],
  ['connectHttp.follow', { backoff: { firstMs: 1 } }, `maxMs: found number NaN, the limit is ${timer}`],
  ['createAdmin', { timeoutMs: -1 }, `timeoutMs: found number -1, the limit is ${timer}`],
  ['presence.follow', { silenceMs: 0 }, `silenceMs: found number 0, the limit is ${timer}`],
  ['presence.follow', { backoff: { firstMs: 'soon', maxMs: 1 } }, `firstMs: found string soon, the limit is ${timer}`],
]

describe('options of clients', () => {
  it.each(refused)('%s refuses %o', async (use, options, message) => {
    const thrown = await rejection(Promise.resolve().then(() => uses[use]!(options)))
    expect(thrown).toBeInstanceOf(TypeError)
    expect((thrown as Error).message.startsWith(message), (thrown as Error).message).toBe(true)
  })

  it('takes the least and the most of each, and nothing for what is left out', async () => {
    const client = await open({ connectTimeoutMs: 2_147_483_647, waitersMax: 0, backoff: { firstMs: 1, maxMs: 1 } })
    for (const policy of ['block', 'drop-oldest', 'latest-only', 'none', undefined] as const) {
      client.channel('c', { policy, ageMaxMs: Infinity, countMax: 1, bytesMax: Infinity })
    }
    overMqtt({ sessionSeconds: 0, keepAliveSeconds: 0, receiveMaximum: 65_535, wireBytesMax: 0, timeoutMs: undefined })
  })
})
