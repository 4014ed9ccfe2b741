import type { JsonValue, ReceivedMessage } from '@thingmesh/client-browser'

/** One number of one topic, over time: what a chart shows. */
export interface Series {
  readonly key: string
  readonly topic: string
  /** Where in the payload, `outside.temperature`; `''` where the payload is the number. */
  readonly field: string
  readonly readings: readonly Reading[]
}

export interface Reading {
  /** Of the message: a reading is told by it. */
  readonly id: string
  readonly atMs: number
  readonly value: number
}

const fieldsMax = 32
const depthMax = 3

type Numbers = readonly (readonly [field: string, value: number])[]

/** Series of messages. What is in a message is looked for once, however often they are asked for. */
export class SeriesReader {
  readonly #known = new WeakMap<ReceivedMessage, Numbers>()

  /** All of them, in the order in which they first appear, those of one topic together. */
  read(messages: readonly ReceivedMessage[], fromMs: number): readonly Series[] {
    const topics = new Map<string, Map<string, Reading[]>>()
    for (const message of messages) {
      const { id, topic, acceptedAtMs: atMs } = message
      if (atMs < fromMs) continue
      for (const [field, value] of this.#numbersOf(message)) {
        const fields = topics.get(topic) ?? new Map<string, Reading[]>()
        topics.set(topic, fields)
        const readings = fields.get(field)
        if (readings === undefined) fields.set(field, [{ id, atMs, value }])
        else readings.push({ id, atMs, value })
      }
    }
    return [...topics].flatMap(([topic, fields]) =>
      Array.from(fields, ([field, readings]) => ({ key: `${topic} ${field}`, topic, field, readings })),
    )
  }

  #numbersOf(message: ReceivedMessage): Numbers {
    const known = this.#known.get(message)
    if (known !== undefined) return known
    const numbers = numbersOf(message)
    this.#known.set(message, numbers)
    return numbers
  }
}

/** The numbers in a payload, with where they are. Most devices send JSON and do not say so: text that is JSON counts as such. */
export function numbersOf(message: ReceivedMessage): Numbers {
  const found: [string, number][] = []
  if (message.encoding === 'json') collect(message.payload, '', 0, found)
  else if (message.encoding === 'text') collect(parsed(message.payload), '', 0, found)
  return found
}

function parsed(text: string): JsonValue {
  try {
    return JSON.parse(text)
  } catch {
    return null
  }
}

function collect(value: JsonValue, path: string, depth: number, found: [string, number][]): void {
  if (found.length >= fieldsMax) return
  if (typeof value === 'number' && Number.isFinite(value)) found.push([path, value])
  else if (typeof value === 'object' && value !== null && depth < depthMax) {
    for (const [name, member] of Object.entries(value)) {
      collect(member, path === '' ? name : `${path}.${name}`, depth + 1, found)
    }
  }
}
