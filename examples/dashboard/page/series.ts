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

/** All series of the messages, in the order in which they first appear, those of one topic together. */
export function seriesOf(messages: readonly ReceivedMessage[], fromMs: number): readonly Series[] {
  const topics = new Map<string, Map<string, Reading[]>>()
  for (const message of messages) {
    const { id, topic, acceptedAtMs: atMs } = message
    if (atMs < fromMs) continue
    for (const [field, value] of numbersOf(message)) {
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

/** The numbers in a payload, with where they are: of JSON all down to a depth, of text the whole where it is one. */
export function numbersOf(message: ReceivedMessage): readonly (readonly [string, number])[] {
  const found: [string, number][] = []
  if (message.encoding === 'json') collect(message.payload, '', 0, found)
  else if (message.encoding === 'text' && /^\s*[+-]?\d+(\.\d+)?(e[+-]?\d+)?\s*$/i.test(message.payload)) {
    found.push(['', Number(message.payload)])
  }
  return found
}

function collect(value: JsonValue, path: string, depth: number, found: [string, number][]): void {
  if (found.length >= fieldsMax) return
  if (typeof value === 'number') found.push([path, value])
  else if (typeof value === 'object' && value !== null && depth < depthMax) {
    for (const [name, member] of Object.entries(value)) {
      collect(member, path === '' ? name : `${path}.${name}`, depth + 1, found)
    }
  }
}
