import { describe, expect, it } from 'vitest'
import { parseMqttOptions } from '../options.ts'

function parse(...args: string[]) {
  const options = parseMqttOptions(args)
  if (options === 'help') throw new Error('help')
  return options
}

describe('the options of the MQTT bench', () => {
  it('are those of the bars when nothing is said', () => {
    expect(parse()).toMatchObject({
      brokers: ['thingmesh', 'mosquitto', 'aedes', 'nats'],
      qos: [0, 1, 2],
      repeat: 1,
      payloadBytes: 64,
      latencyRate: 2_000,
      sizes: { connections: 5_000, filters: 100_000, queued: 1_000_000 },
      profileDir: undefined,
    })
    expect(parse().shapes.map(({ id }) => id)).toEqual([
      'pairs',
      'fan-in',
      'fan-out',
      'persistent',
      'idle',
      'filters',
      'drain',
    ])
  })

  it('pick by name, in the order that was asked for', () => {
    const options = parse('--shapes', 'drain, pairs', '--qos', '2', '--profiles', 'disk,record all', '--repeat', '3')
    expect(options.shapes.map(({ id }) => id)).toEqual(['drain', 'pairs'])
    expect(options).toMatchObject({ qos: [2], profiles: ['disk', 'record all'], repeat: 3 })
  })

  it.each([
    [['--shapes', 'fan'], '--shapes does not know fan'],
    [['--qos', '3'], '--qos does not know 3'],
    [['--repeat', '0'], '--repeat must be a number of at least 1'],
    [['--repeat', '1.5'], '--repeat must be a whole number'],
    [['--filters', '150'], '--filters must be a multiple of 100'],
    [['--seconds', 'x'], '--seconds must be a number of at least 0.1'],
    [['--second', '1'], "Unknown option '--second'"],
  ])('refuse %j', (args, message) => {
    expect(() => parse(...args)).toThrow(TypeError)
    expect(() => parse(...args)).toThrow(message)
  })
})
