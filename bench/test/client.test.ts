import { describe, expect, it } from 'vitest'
import type { CodecReading } from '../client/job.ts'
import { parseClientOptions } from '../client/options.ts'
import { type ClientReport, toClientMarkdown } from '../client/report.ts'

const result = (messages: number) => ({
  messages,
  messagesInAll: 2 * messages,
  seconds: 2,
  cpuSeconds: messages / 100_000,
  hubCpuSeconds: messages / 10_000,
})

const codec: CodecReading = {
  'generate PUBLISH': { thingmesh: 100, 'mqtt-packet': 299 },
  'generate PUBACK': { thingmesh: 100, 'mqtt-packet': 300 },
  'parse PUBLISH': { thingmesh: 100, 'mqtt-packet': 900 },
  'parse PUBACK': { thingmesh: 100, 'mqtt-packet': 900 },
}

const report: ClientReport = {
  command: 'npm run bench -- client',
  host: {
    date: '2026-01-01',
    cpu: 'one',
    cores: 2,
    memoryBytes: 1_048_576,
    kernel: 'k',
    node: 'v',
    commit: 'c',
    loadAverage: 0,
  },
  disk: { bytesPerWrite: 4_096, p50Ms: 1, p99Ms: 2, writes: 3, directory: '/tmp', fileSystem: 'ext4' },
  notes: ['a note'],
  codec,
  rows: [
    { client: 'thingmesh', profile: 'disk', results: [result(100), result(300), result(90)] },
    { client: 'mqttjs', profile: 'disk', results: [result(100), result(100), result(100)] },
    { client: 'thingmesh', profile: 'memory', results: [result(99)] },
    { client: 'mqttjs', profile: 'memory', results: [result(100)] },
  ],
}

describe('the client bench', () => {
  it('judges run against run, and the codec', () => {
    const text = toClientMarkdown(report)
    expect(text).toContain('| thingmesh, outbox in a file, hub disk | ≥ 1 × MQTT.js | 1.00 × | met |')
    expect(text).toContain('| thingmesh, outbox in a file, hub memory | ≥ 1 × MQTT.js | 0.99 × | NOT MET |')
    expect(text).toContain('| codec: generate PUBLISH | ≥ 3 × mqtt-packet | 2.99 × | NOT MET |')
    expect(text).toContain('| codec: generate PUBACK | ≥ 3 × mqtt-packet | 3.00 × | met |')
    expect(text).toContain('| disk | thingmesh, outbox in a file | 50 | 45 | 150 | 10.0 | 50.0 |')
  })

  it('says what is wrong with its options', () => {
    expect(parseClientOptions(['--profiles', 'memory', '--repeat', '2'])).toMatchObject({
      profiles: ['memory'],
      repeat: 2,
      seconds: 4,
    })
    expect(parseClientOptions(['--help'])).toBe('help')
    expect(() => parseClientOptions(['--profiles', 'paper'])).toThrow(/does not know paper/)
    expect(() => parseClientOptions(['--repeat', '1.5'])).toThrow(/whole number/)
    expect(() => parseClientOptions(['--seconds', '0'])).toThrow(/above 0/)
  })
})
