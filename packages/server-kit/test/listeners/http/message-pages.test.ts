import type { Message } from '@thingmesh/core'
import { resolveSenml, type SenmlPack, senmlJsonCodec } from '@thingmesh/core/senml'
import { senmlCborCodec } from '@thingmesh/core/senml-cbor'
import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { toCsv } from '../../../src/listeners/http/csv.ts'
import { pageReply } from '../../../src/listeners/http/message-pages.ts'
import { testMessage } from '../../../src/testing/messages.ts'

const atMs = 1_700_000_000_000
const session = { cursorOf: ({ sequence }: Message) => `c${sequence}` }

function message(payload: string | Uint8Array, contentType = '', fields: Partial<Message> = {}): Message {
  const bytes = typeof payload === 'string' ? Buffer.from(payload) : payload
  return { ...testMessage({ topic: 'log/a', sequence: 7, payload: bytes, contentType, acceptedAtMs: atMs }), ...fields }
}

/** RFC 4180, and nothing beyond it. */
function parseCsv(text: string): string[][] {
  const rows: string[][] = []
  let row: string[] = []
  for (let i = 0; i < text.length; ) {
    let cell = ''
    if (text[i] === '"') {
      for (i++; text[i] !== '"' || text[i + 1] === '"'; i++) {
        cell += text[i]
        if (text[i] === '"') i++
      }
      i++
    } else while (i < text.length && text[i] !== ',' && text[i] !== '\r') cell += text[i++]
    row.push(cell)
    if (text[i] === ',') i++
    else {
      expect(text.slice(i, i + 2)).toBe('\r\n')
      rows.push(row)
      row = []
      i += 2
    }
  }
  return rows
}

describe('messages as CSV', () => {
  it('have a header, and say what their payload is', () => {
    const csv = toCsv([
      message('{"a":"x, \\"y\\""}', 'application/json'),
      message('-21.5', 'application/json'),
      message('on,\r\noff "now"', 'text/plain'),
      message(Uint8Array.of(0, 255), 'application/octet-stream'),
    ])
    const { publisher } = message('')
    const id = expect.stringMatching(/\.7$/)
    expect(csv.split('\r\n')[0]).toBe('id,acceptedAt,topic,publisher,contentType,encoding,payload')
    const facts = [id, '2023-11-14T22:13:20.000Z', 'log/a', publisher]
    expect(parseCsv(csv).slice(1)).toEqual([
      [...facts, 'application/json', 'json', '{"a":"x, \\"y\\""}'],
      [...facts, 'application/json', 'json', '-21.5'],
      [...facts, 'text/plain', 'text', 'on,\r\noff "now"'],
      [...facts, 'application/octet-stream', 'base64', 'AP8='],
    ])
  })

  it.each(['=1+1', '+1', '-1', '@SUM(A1)', '\t=1', '\r=1'])('guard what could be a formula: %j', text => {
    const [, row] = parseCsv(toCsv([message(text, 'text/plain'), message('')]))
    expect(row!.at(-1)).toBe(`'${text}`)
    const [, evil] = parseCsv(toCsv([message('', text.trim())]))
    expect(evil![4]).toMatch(/^['=]/)
    expect(evil![4]).not.toMatch(/^[=+\-@\t\r]/)
  })

  it('come back from a strict reader as they were', () => {
    fc.assert(
      fc.property(fc.array(fc.string({ unit: 'grapheme' })), texts => {
        const rows = parseCsv(toCsv(texts.map(text => message(text, 'text/plain'))))
        expect(rows.length).toBe(texts.length + 1)
        for (const [i, text] of texts.entries()) {
          const cell = rows[i + 1]!.at(-1)!
          expect(/^[=+\-@\t\r]/.test(text) ? cell.slice(1) : cell).toBe(text)
        }
      }),
    )
  })
})

describe.each([
  ['json', senmlJsonCodec],
  ['cbor', senmlCborCodec],
] as const)('messages as SenML in %s', (form, codec) => {
  const type = `application/senml+${form}`
  const position = { next: '9', complete: true }
  const read = (messages: readonly Message[]) => {
    const reply = pageReply(session, type, messages, { measurementsMax: 2000 }, position)
    return { ...reply, pack: reply.body === null ? undefined : codec.decode(Buffer.from(reply.body)) }
  }

  it('are what SenML messages measured, in the order of time, and what is a number, under its topic', () => {
    const pack: SenmlPack = [
      { bn: 'dev:1:', n: 't', u: 'Cel', v: 20 },
      { n: 'h', t: -60, vs: 'dry' },
    ]
    const {
      status,
      headers,
      pack: read1,
    } = read([
      message(senmlCborCodec.encode(pack), 'application/senml+cbor'),
      message(senmlJsonCodec.encode([{ n: 'x', t: 1.6e9, vb: true }]), 'application/SenML+json; charset=utf-8'),
      message('21.5', 'application/json'),
      message(' -4e1\n'),
      message('4711', 'text/plain', { topic: 'log/meter:1', acceptedAtMs: atMs + 500 }),
    ])
    expect([status, headers['thingmesh-left-out'], headers['thingmesh-next']]).toEqual([200, '0', '9'])
    expect(read1).toEqual([
      { n: 'x', vb: true, t: 1.6e9 },
      { n: 'dev:1:h', vs: 'dry', t: atMs / 1000 - 60 },
      { n: 'dev:1:t', u: 'Cel', v: 20, t: atMs / 1000 },
      { n: 'log/a', v: 21.5, t: atMs / 1000 },
      { n: 'log/a', v: -40, t: atMs / 1000 },
      { n: 'log/meter:1', v: 4711, t: atMs / 1000 + 0.5 },
    ])
  })

  it('leave out the rest, and count it', () => {
    const others = [
      message('on'),
      message('{"t":1}', 'application/json'),
      message('0x10'),
      message(''),
      message('1', 'application/octet-stream'),
      message('[{"v":1}]', 'application/senml+json'),
      message('1', 'application/senml+json'),
      message('1', '', { topic: 'log/ö' }),
      message(`1${'0'.repeat(400)}`, 'text/plain'),
    ]
    const { headers, pack } = read([...others, message('1')])
    expect([headers['thingmesh-left-out'], pack!.length]).toEqual([String(others.length), 1])
  })

  it('are no content where there is no measurement, for there is no empty pack', () => {
    const { status, headers, body } = read([message('on')])
    expect([status, body]).toEqual([204, null])
    expect(headers).toMatchObject({ 'thingmesh-next': '9', 'thingmesh-complete': 'true', 'thingmesh-left-out': '1' })
  })

  it.each([1, 23, 24, 255, 256, 1_200])('are one pack of %i records', count => {
    const { body } = read(Array.from({ length: count }, (_, i) => message(`${i}`)))
    const bytes = Buffer.from(body!)
    // The form by itself, before the codec has a say.
    if (form === 'json') expect(JSON.parse(bytes.toString()).map(({ v }: { v: number }) => v)).toHaveLength(count)
    const pack = codec.decode(bytes)
    expect(resolveSenml(pack, 0).map(({ value }) => value)).toEqual(Array.from({ length: count }, (_, i) => i))
  })

  it('may be more than one message could hold, and are refused beyond the limit', () => {
    const big = senmlJsonCodec.encode(Array.from({ length: 1_500 }, (_, i) => ({ n: 'x', t: 1.6e9 + i, v: i })))
    const many = Array.from({ length: 20 }, () => message(big, 'application/senml+json'))
    const { headers, body } = pageReply(session, type, many, { measurementsMax: 30_000 }, position)
    expect(headers['thingmesh-left-out']).toBe('0')
    expect(Buffer.from(body!).byteLength).toBeGreaterThan(400_000)
    expect(() => pageReply(session, type, many, { measurementsMax: 29_999 }, position)).toThrow(
      expect.objectContaining({ code: 'too-large', details: { limit: 'measurementsMax', found: 30_000, max: 29_999 } }),
    )
    expect(() => pageReply(session, type, many, { measurementsMax: 2_000 }, position)).toThrow(
      'has 3000 measurements or more',
    )
  })
})
