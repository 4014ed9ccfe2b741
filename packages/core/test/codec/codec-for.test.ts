import { execFileSync } from 'node:child_process'
import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { bytesCodec, codecFor, jsonCodec, textCodec } from '../../src/codec/index.ts'

// The same cases on every run: a failure is one that anybody can repeat.
fc.configureGlobal({ seed: 20160401 })

const refused = expect.objectContaining({ code: 'invalid-argument' })

describe('codecFor', () => {
  it.each([
    ['application/json', jsonCodec],
    ['Application/JSON; charset=utf-8', jsonCodec],
    ['application/senml+json', jsonCodec],
    [' application/td+json ;v=1', jsonCodec],
    ['text/plain', textCodec],
    ['text/csv', textCodec],
    ['text/plain;charset="UTF-8"', textCodec],
    ['text/plain; format=flowed; charset=us-ascii', textCodec],
    ['text/plain; charset = "utf8" ;v=1', textCodec],
    ['text/plain; charset=iso-8859-1', undefined],
    ['text/plain; charset= utf-16', undefined],
    ['text/plain; charset=utf-8x', undefined],
    ['text/plain; v="utf-8"; charset=', undefined],
    ['application/octet-stream', bytesCodec],
    ['application/cbor', undefined],
    ['image/png', undefined],
    ['', undefined],
    [';', undefined],
    ['constructor', undefined],
    ['__proto__', undefined],
  ])('%j', (contentType, codec) => {
    expect(codecFor(contentType)).toBe(codec)
  })

  it('takes the content types that the codecs name', () => {
    for (const codec of [jsonCodec, textCodec, bytesCodec]) {
      for (const contentType of codec.contentTypes) expect(codecFor(contentType)).toBe(codec)
    }
  })

  it('does not load cbor-x', () => {
    const door = new URL('../../src/codec/index.ts', import.meta.url).href
    const script = `await import(${JSON.stringify(door)})
      const { createRequire } = await import('node:module')
      const loaded = Object.keys(createRequire(${JSON.stringify(door)}).cache)
      console.log(loaded.filter(name => name.includes('cbor')).length)`
    const run = (script: string) =>
      execFileSync(process.execPath, ['--conditions=@thingmesh/source', '--input-type=module', '-e', script]).toString()
    expect(run(script)).toBe('0\n')
    // The same question about the door that does load it, so that a "no" means something.
    expect(run(script.replaceAll('codec/index.ts', 'codec/cbor/index.ts'))).toBe('1\n')
  })
})

describe('textCodec', () => {
  it('gives back text, and refuses what is not', () => {
    fc.assert(
      fc.property(fc.string({ unit: 'binary' }), text => {
        expect(textCodec.decode(textCodec.encode(text))).toBe(text)
      }),
    )
    expect(() => textCodec.decode(Uint8Array.of(0xc3))).toThrow(refused)
    expect(() => textCodec.encode('\ud800')).toThrow(refused)
    expect(() => codecFor('text/plain')?.encode(1)).toThrow('expected a string, got number')
  })
})

describe('bytesCodec', () => {
  it('passes bytes on, and refuses what is not', () => {
    const bytes = Uint8Array.of(1, 2)
    expect(bytesCodec.encode(bytes)).toBe(bytes)
    expect(bytesCodec.decode(bytes)).toBe(bytes)
    expect(() => codecFor('application/octet-stream')?.encode('ab')).toThrow('expected a Uint8Array, got string')
  })
})
