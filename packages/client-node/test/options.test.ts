import { openClient } from '@thingmesh/core'
import { expect, it } from 'vitest'
import { connect, fileOutbox } from '../src/index.ts'
import { type MqttJsTransportOptions, mqttJsTransport } from '../src/transports/mqttjs/index.ts'

const key = 'k'
const nobody = '127.0.0.1:1'

/** Where options are given, each by its name. */
const uses: Readonly<Record<string, (options: object) => unknown>> = {
  fileOutbox: options => fileOutbox({ path: '/nowhere/outbox', ...options }),
  'connect over mqtt': options => connect(`mqtt://${nobody}`, { key, ...options }),
  'connect over ws': options => connect(`ws://${nobody}`, { key, ...options }),
  'connect over http': options => connect(`http://${nobody}`, { key, ...options }),
  'connect over coap': options => connect(`coap://${nobody}`, { key, ...options }),
  'openClient over mqttJsTransport': async options =>
    openClient(mqttJsTransport(`mqtt://${nobody}`, options as MqttJsTransportOptions), options),
}

const timer = 'whole, 1 to 2147483647'

it.each([
  ['fileOutbox', { durabilty: 'disk' }, 'fileOutbox has no option durabilty, the nearest is durability'],
  ['fileOutbox', { durability: 'disc' }, 'durability: found string disc, the limit is disk,process'],
  [
    'fileOutbox',
    { compactBytesMin: Number.NaN },
    'compactBytesMin: found number NaN, the limit is whole, 0 to Infinity',
  ],
  // It would be in memory, and gone with the process.
  ['connect over mqtt', { outBox: undefined }, 'connect has no option outBox, the nearest is outbox'],
  ['connect over http', { clientID: 'a' }, 'connect has no option clientID, the nearest is clientId'],
  ['connect over mqtt', { connectTimeoutMs: 0 }, `connectTimeoutMs: found number 0, the limit is ${timer}`],
  ['connect over mqtt', { timeoutMs: '10s' }, `timeoutMs: found string 10s, the limit is ${timer}`],
  ['connect over ws', { keepAliveSeconds: -1 }, 'keepAliveSeconds: found number -1, the limit is whole, 0 to 65535'],
  ['connect over http', { silenceMs: Number.NaN }, `silenceMs: found number NaN, the limit is ${timer}`],
  ['connect over coap', { ackTimeoutMs: 0 }, `ackTimeoutMs: found number 0, the limit is ${timer}`],
  ['connect over coap', { checkMs: -1 }, `checkMs: found number -1, the limit is ${timer}`],
  ['connect over coap', { timeoutMs: Number.NaN }, `timeoutMs: found number NaN, the limit is ${timer}`],
  ['connect over coap', { receiveMaximum: 0 }, 'receiveMaximum: found number 0, the limit is whole, 1 to Infinity'],
  ['openClient over mqttJsTransport', { protocolVersion: 3 }, 'protocolVersion: found number 3, the limit is 4, 5'],
  ['openClient over mqttJsTransport', { timeoutMs: 0 }, `timeoutMs: found number 0, the limit is ${timer}`],
  [
    'openClient over mqttJsTransport',
    { sessionSeconds: 0.5 },
    'sessionSeconds: found number 0.5, the limit is whole, 0 to 4294967295',
  ],
] as const)('%s refuses %o', async (use, options, message) => {
  await expect(Promise.resolve().then(() => uses[use]!(options))).rejects.toThrow(new TypeError(message))
})
