import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { formatLinks, type Link, matchesQuery, parseLinks } from '../../../src/bindings/coap/index.ts'
import { isThingmeshError } from '../../../src/errors/index.ts'
import { holds } from './holds.ts'

const name = fc.stringMatching(/^[a-z][a-z0-9-]{0,8}$/)
const value = fc.oneof(fc.string({ maxLength: 20 }), fc.constantFrom('0', '40', '007', 'a b', '"', '\\', '', ',;<>'))
const attribute = fc.tuple(name, fc.oneof(fc.constant(true as const), value))
const link: fc.Arbitrary<Link> = fc.record({
  target: fc.stringMatching(/^\/[a-z0-9/%.+-]{0,20}$/),
  attributes: fc.array(attribute, { maxLength: 5 }),
})

describe('links', () => {
  it('come back as they were', () => {
    holds(
      fc.property(fc.array(link, { maxLength: 6 }), links => {
        expect(parseLinks(formatLinks(links))).toEqual(links)
      }),
      500,
    )
  })

  it('cut anywhere are parsed or refused', () => {
    holds(
      fc.property(fc.array(link, { maxLength: 4 }), links => {
        const text = formatLinks(links)
        for (let length = 0; length < text.length; length++) {
          try {
            parseLinks(text.slice(0, length))
          } catch (error) {
            if (!isThingmeshError(error) || error.code !== 'invalid-argument') throw error
          }
        }
      }),
      50,
    )
  })

  // RFC 6690, section 5.
  it('are read as the specification writes them', () => {
    const text = '</sensors/temp>;if="sensor",\n</sensors/light>;if=sensor;ct=40;obs'
    expect(parseLinks(text)).toEqual([
      { target: '/sensors/temp', attributes: [['if', 'sensor']] },
      {
        target: '/sensors/light',
        attributes: [
          ['if', 'sensor'],
          ['ct', '40'],
          ['obs', true],
        ],
      },
    ])
    expect(parseLinks('')).toEqual([])
  })

  it.each(['<', '</a', 'a', '</a>,', '</a>;', '</a>;=1', '</a>;ct=', '</a>;ct="40', '</a>;ct="40\\', '</a> </b>'])(
    '%s is refused',
    text => {
      expect(() => parseLinks(text)).toThrow(expect.objectContaining({ code: 'invalid-argument' }))
    },
  )

  it.each([
    { target: '/a>', attributes: [] },
    { target: '/a b', attributes: [] },
    { target: '/a', attributes: [['', 'x']] },
    { target: '/a', attributes: [['a;b', 'x']] },
  ] satisfies Link[])('%j is not written', unwritable => {
    expect(() => formatLinks([unwritable])).toThrow(expect.objectContaining({ code: 'invalid-argument' }))
  })

  it('are parsed in time that grows with the text', () => {
    const text = `</a>${';x="\\"\\""'.repeat(50_000)}`
    const start = performance.now()
    expect(parseLinks(text)[0]!.attributes.length).toBe(50_000)
    expect(performance.now() - start).toBeLessThan(2_000)
  })
})

describe('matchesQuery', () => {
  const links: Link = {
    target: '/c/telemetry',
    attributes: [
      ['rt', 'thingmesh.channel core.s'],
      ['ct', '40'],
      ['obs', true],
    ],
  }
  it.each([
    ['rt', 'thingmesh.channel', true],
    ['rt', 'core.s', true],
    ['rt', 'core*', true],
    ['rt', 'thingmesh.channel core.s', false],
    ['rt', 'other', false],
    ['href', '/c/telemetry', true],
    ['href', '/c/*', true],
    ['href', '/d*', false],
    ['ct', '40', true],
    ['ct', '4', false],
    ['obs', '', true],
    ['obs', '1', false],
    ['title', '*', false],
  ])('%s=%s: %s', (key, wanted, fits) => {
    expect(matchesQuery(links, key, wanted)).toBe(fits)
  })
})
