import { describe, expect, it } from 'vitest'
import { FlowScenario } from '../load/flow-scenario.ts'
import type { FlowResult, Qos } from '../load/job.ts'
import { type Fault, faultyBroker } from './support/faulty-broker.ts'

const EVERY = 50

async function resultWith(fault: Fault, qos: Qos): Promise<FlowResult> {
  const broker = await faultyBroker(fault)
  const scenario = new FlowScenario({
    kind: 'flow',
    host: '127.0.0.1',
    port: broker.port,
    brokerPid: process.pid,
    cores: undefined,
    collectsGarbage: false,
    qos,
    publishers: [0, 1].map(i => ({ clientId: `publisher-${i}`, topic: `bench/${i}` })),
    subscribers: [{ clientId: 'subscriber', topic: 'bench/+' }],
    copiesPerMessage: 1,
    payloadBytes: 64,
    inFlight: 100,
    ackWindow: 64,
    warmupMs: 50,
    windowMs: 200,
    latencyRate: 0,
    latencyMs: 0,
  })
  try {
    return await scenario.run()
  } finally {
    scenario.close()
    await broker.stop()
  }
}

/** Does it to one message of so many. */
const sometimes =
  (fault: (frame: Buffer) => readonly Buffer[]): Fault =>
  (frame, count) =>
    count % EVERY === EVERY - 1 ? fault(frame) : [frame]

// Each waits for messages that will never come; together they wait once.
describe.concurrent('what a broker does wrong is told', () => {
  it('and nothing where it does all right', async () => {
    const { tally, drained } = await resultWith(frame => [frame], 1)
    expect(tally.sent).toBeGreaterThan(0)
    expect(tally).toMatchObject({ acked: tally.sent, expected: tally.sent, delivered: tally.sent, lost: 0 })
    expect(tally).toMatchObject({ duplicated: 0, reordered: 0, corrupt: 0 })
    expect(drained).toBe(true)
  })

  it.each([0, 1] as const)('messages that it drops, at QoS %i', async qos => {
    const { tally } = await resultWith(
      sometimes(() => []),
      qos,
    )
    expect(tally.lost).toBeGreaterThan(0)
    expect(tally.lost).toBe(Math.floor(tally.sent / EVERY))
  })

  it('messages that it delivers twice', async () => {
    const { tally } = await resultWith(
      sometimes(frame => [frame, frame]),
      1,
    )
    expect(tally.duplicated).toBeGreaterThan(0)
    expect(tally).toMatchObject({ duplicated: Math.floor(tally.sent / EVERY), delivered: tally.sent, lost: 0 })
  })

  it('messages that come out of their order', async () => {
    let held: Buffer[] = []
    const late: Fault = (frame, count) => {
      const before = held
      held = count % EVERY === 0 ? [frame] : []
      return count % EVERY === 0 ? before : [frame, ...before]
    }
    const { tally } = await resultWith(late, 0)
    expect(tally.reordered).toBeGreaterThan(0)
  })

  it('payloads that it changes', async () => {
    const { tally } = await resultWith(
      sometimes(frame => [frame.subarray(0, 1), Buffer.from([frame[1]! - 1]), frame.subarray(2, -1)]),
      0,
    )
    expect(tally.corrupt).toBeGreaterThan(0)
    expect(tally.corrupt).toBe(Math.floor(tally.sent / EVERY))
  })
})
