import type { Message } from '@thingmesh/core'
import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { toMessageJson } from '../../../src/listeners/http/messages-json.ts'

function messageOf(payload: Uint8Array, contentType: string, properties?: Message['properties']): Message {
  return {
    topic: 'a/b',
    channel: 'a',
    subtopic: 'b',
    payload,
    contentType,
    delivery: 'exactly-once',
    retain: false,
    properties,
    log: { origin: 'hub', epoch: 'e' },
    sequence: 7,
    domain: 'default',
    publisher: 'thing:1',
    clientId: 'c',
    protocol: 'mqtt',
    acceptedAtMs: 0,
  }
}

const show = (payload: string | Uint8Array, contentType: string, properties?: Message['properties']) => {
  const { encoding, payload: shown } = toMessageJson(messageOf(Buffer.from(payload), contentType, properties), 'c')
  return [encoding, shown]
}

describe('a payload in JSON', () => {
  const deep = `${'['.repeat(17)}${']'.repeat(17)}`
  it.each([
    ['json', '{"a":[1,null]}', 'application/json', { a: [1, null] }],
    ['json', 'null', 'application/json; charset=utf-8', null],
    ['json', '[{"n":"t","v":1}]', 'Application/SenML+JSON', [{ n: 't', v: 1 }]],
    ['text', '{"a":', 'application/json', '{"a":'],
    ['text', deep, 'application/json', deep],
    ['text', '{"__proto__":1}', 'application/json', '{"__proto__":1}'],
    ['text', '', 'application/json', ''],
    ['text', 'grün', 'text/plain', 'grün'],
    ['text', '\ufeffa', 'text/csv;charset="UTF-8"', '\ufeffa'],
    ['base64', 'abc', 'text/plain;charset=latin1', 'YWJj'],
    ['text', '21.5', '', '21.5'],
    ['text', '{"a":1}', '', '{"a":1}'],
    ['text', 'a\tb\r\n', '', 'a\tb\r\n'],
    ['base64', '\0\x01', '', 'AAE='],
    ['base64', 'abc', 'application/octet-stream', 'YWJj'],
    ['base64', 'abc', 'image/png', 'YWJj'],
  ])('%s: %s as %s', (encoding, payload, contentType, shown) => {
    expect(show(payload, contentType)).toEqual([encoding, shown])
  })

  it('is text where its publisher said so and it is true', () => {
    expect(show('abc', 'application/x-thing', { utf8: true })).toEqual(['text', 'abc'])
    expect(show(Buffer.from([0xff]), 'application/x-thing', { utf8: true })).toEqual(['base64', '/w=='])
    expect(show(Buffer.from([0xff]), 'application/json')).toEqual(['base64', '/w=='])
    expect(show(Buffer.from([0xff]), '')).toEqual(['base64', '/w=='])
  })

  it('can always be had back, byte for byte where it is text or base64', () => {
    const types = fc.constantFrom('', 'text/plain', 'application/octet-stream', 'application/json')
    const payloads = fc.oneof(
      fc.uint8Array({ maxLength: 64 }),
      fc.string({ unit: 'binary' }).map(text => new TextEncoder().encode(text)),
    )
    fc.assert(
      fc.property(payloads, types, (payload, contentType) => {
        const shown = JSON.parse(JSON.stringify(toMessageJson(messageOf(payload, contentType), 'c')))
        if (shown.encoding === 'json') expect(shown.payload).toEqual(JSON.parse(Buffer.from(payload).toString()))
        else
          expect(Buffer.from(shown.payload, shown.encoding === 'text' ? 'utf8' : 'base64').equals(payload)).toBe(true)
      }),
    )
  })
})

it('properties are told whole, with bytes in base64', () => {
  const headers = [
    ['a', '1'],
    ['a', '2'],
  ] as const
  const { properties } = toMessageJson(
    messageOf(new Uint8Array(0), '', { replyTo: 'r', correlation: Uint8Array.of(1, 2), expiresInSeconds: 3, headers }),
    'c',
  )
  expect(JSON.parse(JSON.stringify(properties))).toEqual({
    replyTo: 'r',
    correlation: 'AQI=',
    expiresInSeconds: 3,
    headers,
  })
})
