import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import type { Wire } from '../load/connection.ts'
import { Flow } from '../load/flow.ts'
import { PublishFrames } from '../load/frames.ts'
import type { Qos } from '../load/job.ts'
import { Publisher } from '../load/publisher.ts'
import { type FrameHandler, FrameReader } from '../load/reader.ts'
import { type DeliveryBook, Subscriber } from '../load/subscriber.ts'
import { tallyOf } from '../load/tally.ts'

fc.configureGlobal({ seed: 20160401 })

const payloadBytes = 64

/** A connection whose other end is the test. */
class TestWire implements Wire {
  readonly written: Buffer[] = []
  #handler: FrameHandler | undefined

  handle(handler: FrameHandler): void {
    this.#handler = handler
  }

  write(bytes: Uint8Array): boolean {
    this.written.push(Buffer.from(bytes))
    return true
  }

  receive(...frames: readonly Uint8Array[]): void {
    const bytes = Buffer.concat(frames)
    new FrameReader().push(bytes, bytes.length, this.#handler!)
  }

  /** What was written since the last look, in hexadecimal. */
  take(): string {
    return Buffer.concat(this.written.splice(0)).toString('hex')
  }
}

const answer = (firstByte: number, packetId: number) => Uint8Array.of(firstByte, 2, packetId >> 8, packetId & 0xff)
const PUBACK = 0x40
const PUBREC = 0x50
const PUBREL = 0x62
const PUBCOMP = 0x70

function publisherOf(qos: Qos) {
  const wire = new TestWire()
  const flow = new Flow(1, 100)
  const options = { topic: 'bench/0', publisher: 0, payloadBytes, ackWindow: 64, onCredit: () => {} }
  return { wire, publisher: new Publisher({ connection: wire, flow, qos, ...options }) }
}

function subscriberOf() {
  const wire = new TestWire()
  const flow = new Flow(1, 1_000)
  const book: DeliveryBook = { flows: [flow], payloadBytes, delivered: 0, latency: undefined, onCredit: () => {} }
  return { wire, flow, book, subscriber: new Subscriber(wire, book) }
}

function deliveryOf(qos: Qos, sequence: number, packetId = sequence + 1): Buffer {
  const frames = new PublishFrames({ topic: 'bench/0', qos, publisher: 0, payloadBytes, batchMax: 1 })
  const frame = frames.newBatch()
  frames.patch(frame, 0, sequence, 0)
  if (qos > 0) frames.patchPacketId(frame, 0, packetId)
  return frame
}

describe('a publisher', () => {
  it('ends an exchange of QoS 1 with its PUBACK, once', () => {
    const { wire, publisher } = publisherOf(1)
    publisher.sendOne(0)
    publisher.sendOne(0)
    wire.receive(answer(PUBACK, 2), answer(PUBACK, 2), answer(PUBACK, 9))
    expect(publisher.acked).toBe(1)
    expect(publisher.untakenSequences()).toEqual([0])
    wire.receive(answer(PUBACK, 1))
    expect(publisher.isAcked()).toBe(true)
  })

  it('takes a message of QoS 2 as taken from PUBREC on, and as over with PUBCOMP', () => {
    const { wire, publisher } = publisherOf(2)
    publisher.sendOne(0)
    wire.take()
    wire.receive(answer(PUBREC, 1))
    expect(wire.take()).toBe('62020001')
    expect(publisher.untakenSequences()).toEqual([])
    expect(publisher.isAcked()).toBe(false)
    wire.receive(answer(PUBCOMP, 1))
    expect(publisher.isAcked()).toBe(true)
    expect(publisher.acked).toBe(1)
  })

  it('does not take QoS 2 as over by an answer that does not belong there', () => {
    const { wire, publisher } = publisherOf(2)
    publisher.sendOne(0)
    wire.receive(answer(PUBCOMP, 1), answer(PUBACK, 1), answer(PUBREC, 7))
    expect(publisher.acked).toBe(0)
    expect(publisher.untakenSequences()).toEqual([0])
  })
})

describe('a subscriber', () => {
  it('answers both halves of QoS 2', () => {
    const { wire, subscriber, book } = subscriberOf()
    wire.receive(deliveryOf(2, 0, 5))
    expect(wire.take()).toBe('50020005')
    expect(subscriber.unreleased).toBe(1)
    wire.receive(answer(PUBREL, 5))
    expect(wire.take()).toBe('70020005')
    expect(subscriber.unreleased).toBe(0)
    expect(book.delivered).toBe(1)
  })

  it('takes what is sent again before its PUBREL for the same delivery', () => {
    const { wire, subscriber, book } = subscriberOf()
    const again = deliveryOf(2, 0, 5)
    again[0]! |= 0x08
    wire.receive(deliveryOf(2, 0, 5), again)
    expect(wire.take()).toBe('5002000550020005')
    expect(book.delivered).toBe(1)
    expect(subscriber.trackers[0]!.duplicated).toBe(0)
  })

  it('sees a second delivery of QoS 2 after the PUBREL, and an id that is used before', () => {
    const { wire, subscriber, book } = subscriberOf()
    wire.receive(deliveryOf(2, 0, 5), answer(PUBREL, 5), deliveryOf(2, 0, 6), deliveryOf(2, 1, 6))
    expect(book.delivered).toBe(2)
    expect(subscriber.trackers[0]!.duplicated).toBe(1)
    expect(subscriber.misused).toBe(1)
  })

  it('sees a payload that is not whole, and one of nobody', () => {
    const { wire, subscriber, book } = subscriberOf()
    const broken = deliveryOf(1, 0)
    broken[broken.length - 1]! ^= 1
    const nobody = deliveryOf(1, 1)
    nobody[nobody.length - payloadBytes + 7] = 9
    wire.receive(broken, nobody)
    expect(subscriber.corrupt).toBe(2)
    expect(book.delivered).toBe(0)
  })
})

describe('the tally', () => {
  const deliveries = fc.array(fc.nat(40), { maxLength: 80 })

  it('agrees with a model about what is lost and what came twice', () => {
    fc.assert(
      fc.property(deliveries, fc.constantFrom<Qos>(0, 1, 2), (sequences, qos) => {
        const { wire, subscriber } = subscriberOf()
        sequences.forEach((sequence, i) => {
          wire.receive(deliveryOf(qos, sequence, i + 1), ...(qos === 2 ? [answer(PUBREL, i + 1)] : []))
        })
        const sent = { acked: 41, flow: { sent: 41 }, untakenSequences: () => [] }
        const tally = tallyOf({ qos, publishers: [sent], subscribers: [subscriber], listeners: () => [subscriber] })
        const distinct = new Set(sequences).size
        expect(tally).toMatchObject({
          sent: 41,
          expected: 41,
          delivered: distinct,
          lost: 41 - distinct,
          duplicated: sequences.length - distinct,
          unreleased: 0,
          misused: 0,
        })
      }),
    )
  })

  it('excuses what nobody took, unless it came all the same', () => {
    const { wire, subscriber } = subscriberOf()
    wire.receive(deliveryOf(1, 0), deliveryOf(1, 1))
    const sent = { acked: 2, flow: { sent: 4 }, untakenSequences: () => [1, 3] }
    const tally = tallyOf({ qos: 1, publishers: [sent], subscribers: [subscriber], listeners: () => [subscriber] })
    expect(tally).toMatchObject({ expected: 3, delivered: 2, lost: 1 })
  })
})
