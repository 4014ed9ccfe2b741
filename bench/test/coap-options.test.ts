import { describe, expect, it } from 'vitest'
import { parseCoapOptions } from '../coap-options.ts'

function parse(...args: string[]) {
  const options = parseCoapOptions(args)
  if (options === 'help') throw new Error('help')
  return options
}

describe('the options of the CoAP bench', () => {
  it('are those of the bars when nothing is said', () => {
    expect(parse()).toMatchObject({
      servers: ['thingmesh', 'libcoap', 'node-coap'],
      observers: 10_000,
      crossingRate: 1_000,
      payloadBytes: 64,
      repeat: 1,
    })
    expect(parse().shapes.map(({ id }) => id)).toEqual(['get', 'post', 'observers', 'observers-non', 'crossing'])
  })

  it.each([
    [['--servers', 'coap'], '--servers does not know coap'],
    [['--shapes', 'put'], '--shapes does not know put'],
    [['--observers', '17'], '--observers must be a multiple of 16'],
    [['--in-flight', '65'], '--in-flight must be a number of at most 64'],
    [['--payload', '8'], '--payload must be a number of at least'],
    [['--qos', '1'], "Unknown option '--qos'"],
  ])('refuse %j', (args, message) => {
    expect(() => parse(...args)).toThrow(TypeError)
    expect(() => parse(...args)).toThrow(message)
  })
})
