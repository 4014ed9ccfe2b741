import { describe, expect, it } from 'vitest'
import {
  Code,
  codeClass,
  codeText,
  fromContentFormat,
  isNewer,
  isRequestCode,
  isResponseCode,
  isUnwanted,
  nextObserve,
  parseMessagePath,
  toContentFormat,
  toMessagePath,
} from '../../../src/bindings/coap/index.ts'

describe('codes', () => {
  it.each([
    [Code.get, '0.01', true, false],
    [Code.content, '2.05', false, true],
    [Code.continue, '2.31', false, true],
    [Code.notFound, '4.04', false, true],
    [Code.tooManyRequests, '4.29', false, true],
    [Code.proxyingNotSupported, '5.05', false, true],
    [Code.empty, '0.00', false, false],
    [0xe1, '7.01', false, false],
  ])('%i is %s', (code, text, request, response) => {
    expect([codeText(code), isRequestCode(code), isResponseCode(code)]).toEqual([text, request, response])
    expect(codeClass(code)).toBe(Number(text[0]))
  })
})

describe('content formats', () => {
  it.each([
    [0, 'text/plain;charset=utf-8'],
    [40, 'application/link-format'],
    [41, 'application/xml'],
    [42, 'application/octet-stream'],
    [50, 'application/json'],
    [60, 'application/cbor'],
    [110, 'application/senml+json'],
    [112, 'application/senml+cbor'],
    [432, 'application/td+json'],
    [11_542, 'application/vnd.oma.lwm2m+tlv'],
  ])('%i is %s, both ways', (format, contentType) => {
    expect(fromContentFormat(format)).toBe(contentType)
    expect(toContentFormat(contentType)).toBe(format)
  })

  it.each([
    ['text/plain', 0],
    ['Text/Plain; Charset=UTF-8', 0],
    ['text/plain;charset="utf-8"', 0],
    ['text/plain;charset=latin1', undefined],
    ['application/json; charset=utf-8', 50],
    ['application/json; profile=x', undefined],
    ['application/cose; cose-type="cose-sign1"', 18],
    ['application/cose', undefined],
    ['application/x-own', undefined],
    ['__proto__', undefined],
    ['', undefined],
  ])('%s is %s', (contentType, format) => {
    expect(toContentFormat(contentType)).toBe(format)
  })

  it('65000, which is for experiments, is nothing', () => {
    expect(fromContentFormat(65_000)).toBeUndefined()
  })
})

describe('message paths', () => {
  it.each([
    ['/c/telemetry', 'telemetry'],
    ['/c/telemetry/room1/heat', 'telemetry/room1/heat'],
    ['/c/telemetry/+/#', 'telemetry/+/#'],
    ['/c/+', '+'],
    ['/c/c/messages', 'c/messages'],
    ['/c/telemetry/', 'telemetry/'],
    ['/c/telemetry//a', 'telemetry//a'],
    ['/channels/telemetry/messages', 'telemetry'],
    ['/channels/telemetry/messages/room1/heat', 'telemetry/room1/heat'],
    ['/channels/telemetry/messages/messages', 'telemetry/messages'],
    ['/channels/telemetry', undefined],
    ['/channels/telemetry/room1', undefined],
    ['/channels', undefined],
    ['/c', undefined],
    ['/.well-known/core', undefined],
    ['/constructor/telemetry', undefined],
  ])('%s is %s', (path, topic) => {
    expect(parseMessagePath(path.split('/').slice(1))).toBe(topic)
  })

  it('a slash within a segment is refused: one segment is one level', () => {
    expect(() => parseMessagePath(['c', 'telemetry', 'a/b'])).toThrow('holds a slash')
    expect(() => parseMessagePath(['c', 'tele/metry'])).toThrow('holds a slash')
  })

  it.each(['telemetry', 'telemetry/a/b', 'telemetry/+/#', 'a//b'])('%s comes back', topic => {
    expect(parseMessagePath(toMessagePath(topic))).toBe(topic)
  })
})

describe('observe', () => {
  it('counts in 24 bits', () => {
    expect([nextObserve(0), nextObserve(0xff_fffe), nextObserve(0xff_ffff)]).toEqual([1, 0xff_ffff, 0])
  })

  // RFC 7641, section 3.4: the three conditions, and what is none of them.
  it.each([
    ['the next', 5, 6, 0, true],
    ['one before', 6, 5, 0, false],
    ['the same', 5, 5, 0, false],
    ['just below half of the circle on', 0, 2 ** 23 - 1, 0, true],
    ['half of the circle on', 0, 2 ** 23, 0, false],
    ['around the end', 0xff_ffff, 0, 0, true],
    ['back around the end', 0, 0xff_ffff, 0, false],
    ['anything after 128 s', 6, 5, 128_001, true],
    ['not yet at 128 s', 6, 5, 128_000, false],
  ])('%s', (_name, v1, v2, laterMs, newer) => {
    const known = { sequence: v1, receivedAtMs: 1000 }
    expect(isNewer(known, { sequence: v2, receivedAtMs: 1000 + laterMs })).toBe(newer)
  })
})

describe('No-Response', () => {
  // RFC 7967, table 2.
  it.each([
    [undefined, [false, false, false]],
    [0, [false, false, false]],
    [2, [true, false, false]],
    [8, [false, true, false]],
    [16, [false, false, true]],
    [26, [true, true, true]],
    [24, [false, true, true]],
  ])('%s', (value, [success, clientError, serverError]) => {
    expect(isUnwanted(value, Code.changed)).toBe(success)
    expect(isUnwanted(value, Code.notFound)).toBe(clientError)
    expect(isUnwanted(value, Code.internalServerError)).toBe(serverError)
  })
})
