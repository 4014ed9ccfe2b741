import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { isShare, parseShare } from '../../src/address/index.ts'

// The same cases on every run: a failure is one that anybody can repeat.
fc.configureGlobal({ seed: 20160401 })

describe('parseShare', () => {
  it.each([
    ['$share/workers/telemetry/#', 'workers', 'telemetry/#'],
    ['$share/g/#', 'g', '#'],
    ['$share/g//', 'g', '/'],
    ['$share/__proto__/+/a', '__proto__', '+/a'],
    ['$share/☃ $x/a', '☃ $x', 'a'],
    [`$share/${'n'.repeat(64)}/a`, 'n'.repeat(64), 'a'],
  ])('splits %s', (text, name, filter) => {
    expect(isShare(text)).toBe(true)
    expect(parseShare(text)).toEqual({ name, filter })
  })

  it.each([
    ['no name', '$share//a'],
    ['no filter, nor a slash before it', '$share/g'],
    ['no filter', '$share/g/'],
    ['nothing', '$share/'],
    ['a plus in the name', '$share/g+/a'],
    ['a hash in the name', '$share/#/a'],
    ['a name that is too long', `$share/${'n'.repeat(65)}/a`],
    ['a NUL in the name', '$share/g\0/a'],
    ['a wrong filter', '$share/g/a#'],
    ['a share of a share', '$share/g/$share/g/a'],
    ['the topics of the server', '$share/g/$SYS/#'],
  ])('refuses %s', (_, text) => {
    expect(isShare(text)).toBe(true)
    expect(() => parseShare(text)).toThrow(expect.objectContaining({ code: 'invalid-argument' }))
  })

  it('knows what is no share', () => {
    for (const text of ['$share', 'share/g/a', '$SHARE/g/a', '/$share/g/a', '']) expect(isShare(text)).toBe(false)
  })

  it('gives back what it was made of, whatever the name', () => {
    fc.assert(
      fc.property(fc.stringMatching(/^[^/+#\p{C}]{1,16}$/u), name => {
        expect(parseShare(`$share/${name}/a/+`)).toEqual({ name, filter: 'a/+' })
      }),
    )
  })
})
