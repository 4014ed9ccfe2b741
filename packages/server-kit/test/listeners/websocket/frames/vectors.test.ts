import { readFile } from 'node:fs/promises'
import { errorCodes, type Message } from '@thingmesh/core'
import { describe, expect, it } from 'vitest'
import { closeCodes } from '../../../../src/listeners/websocket/frames/close-codes.ts'
import { cborFormat, type Format, jsonFormat } from '../../../../src/listeners/websocket/frames/format.ts'
import { resolveFramesOptions } from '../../../../src/listeners/websocket/frames/options.ts'
import { openEnvelope, parseRequest, type Request } from '../../../../src/listeners/websocket/frames/requests.ts'

const page = await readFile(new URL('../../../../../../docs/protocol/websocket.md', import.meta.url), 'utf8')
const limits = resolveFramesOptions({})

const message: Message = {
  topic: 'telemetry/room1',
  channel: 'telemetry',
  subtopic: 'room1',
  payload: Uint8Array.of(1, 0xff),
  contentType: '',
  delivery: 'at-least-once',
  retain: false,
  log: { origin: 'hub', epoch: 'e' },
  sequence: 42,
  domain: 'default',
  publisher: 'thing:1',
  clientId: '',
  protocol: 'mqtt',
  acceptedAtMs: 0,
}

/** From a client: what is written in the page, and what it is. */
const requests: readonly (readonly [format: Format, written: string, id: unknown, request: Partial<Request>])[] = [
  [
    jsonFormat,
    '{"type":"publish","id":1,"payload":{"t":21.5}}',
    1,
    { type: 'publish', contentType: 'application/json', delivery: 'at-least-once', retain: false },
  ],
  [
    jsonFormat,
    '{"type":"publish","id":2,"subtopic":"room1","payload":"Af8=","encoding":"base64","retain":true}',
    2,
    { type: 'publish', subtopic: 'room1', contentType: '', retain: true, properties: undefined },
  ],
  [jsonFormat, '{"type":"subscribe","id":3}', 3, { type: 'subscribe', after: undefined, lastValues: true }],
  [
    jsonFormat,
    '{"type":"subscribe","id":4,"pattern":"+/t","after":"104f3861e7ba.42"}',
    4,
    { pattern: '+/t', after: '104f3861e7ba.42' },
  ],
  [jsonFormat, '{"type":"unsubscribe","id":5,"pattern":"+/t"}', 5, { type: 'unsubscribe', pattern: '+/t' }],
  [
    cborFormat,
    'a3 64 74797065 67 7075626c697368 62 6964 01 67 7061796c6f6164 42 01ff',
    1,
    { type: 'publish', contentType: '', delivery: 'at-least-once', properties: undefined },
  ],
  [
    jsonFormat,
    '{"type":"publish","id":6,"payload":{"t":21.5},"key":"reading-17"}',
    6,
    { type: 'publish', delivery: 'at-least-once', key: 'reading-17' },
  ],
  [
    cborFormat,
    'a4 64 74797065 67 7075626c697368 62 6964 01 67 7061796c6f6164 42 01ff 63 6b6579 6a 72656164696e672d3137',
    1,
    { type: 'publish', delivery: 'at-least-once', key: 'reading-17' },
  ],
  [cborFormat, 'a2 64 74797065 69 737562736372696265 65 6166746572 63 6e6f77', undefined, { after: 'now' }],
]

/** From the hub. */
const answers: readonly (readonly [format: Format, fields: Record<string, unknown>, written: string])[] = [
  [jsonFormat, { type: 'ack', id: 1, messageId: 'hub.e.42' }, '{"type":"ack","id":1,"messageId":"hub.e.42"}'],
  [cborFormat, { type: 'ack', id: 1 }, 'a2 64 74797065 63 61636b 62 6964 01'],
  [
    jsonFormat,
    { type: 'message', pattern: '#', ...jsonFormat.fieldsOf(message, '104f3861e7ba.42') },
    '{"type":"message","pattern":"#","id":"hub.e.42","cursor":"104f3861e7ba.42","channel":"telemetry","subtopic":"room1","topic":"telemetry/room1","publisher":"thing:1","protocol":"mqtt","acceptedAt":"1970-01-01T00:00:00.000Z","contentType":"","delivery":"at-least-once","encoding":"base64","payload":"Af8="}',
  ],
]

const bytesOf = (format: Format, written: string) =>
  format === cborFormat ? new Uint8Array(Buffer.from(written.replaceAll(' ', ''), 'hex')) : Buffer.from(written)

describe('the vectors of docs/protocol/websocket.md', () => {
  it.each(requests)('%o: %s', (format, written, id, request) => {
    expect(page).toContain(written)
    const opened = openEnvelope(format.decode({ bytes: bytesOf(format, written), isText: format === jsonFormat }))
    expect(opened.id).toBe(id)
    const parsed = parseRequest(opened.fields, format, limits)
    expect(parsed).toMatchObject(request)
    if (parsed.type !== 'publish') return
    const payload = Buffer.from(parsed.payload.bytes)
    expect([Buffer.from('{"t":21.5}'), Buffer.from([1, 0xff])].some(known => known.equals(payload))).toBe(true)
  })

  it.each(answers)('%o: %o', (format, fields, written) => {
    expect(page).toContain(written)
    const { bytes, isText } = format.encode(fields)
    expect(Buffer.from(bytes).toString('hex')).toBe(Buffer.from(bytesOf(format, written)).toString('hex'))
    expect(isText).toBe(format === jsonFormat)
    expect(format.decode({ bytes, isText })).toEqual(fields)
  })

  it('have a close code for every error, and the page has them all', () => {
    for (const code of errorCodes) expect(page).toMatch(new RegExp(`\\| \`${code}\` +\\| ${closeCodes[code]} `))
  })
})
