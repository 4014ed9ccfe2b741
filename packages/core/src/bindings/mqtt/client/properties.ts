import type { Properties, PropertyName } from '../properties.ts'
import { malformed } from './faults.ts'
import type { FieldReader, FieldWriter } from './fields.ts'

/** How a value stands on the wire: a number of so many bytes, or a type of MQTT 5, section 1.5. */
type Kind = 1 | 2 | 4 | 'boolean' | 'varint' | 'string' | 'binary' | 'pair'

/**
 * MQTT 5, table 2-4: what a client of ours says or makes use of; and, without a name, what else a hub may say, to read past:
 * the client id that it gives, response information, another server, the largest topic alias and QoS, and whether there are
 * retained messages, wildcards and shared subscriptions.
 */
const table: readonly (readonly [id: number, kind: Kind, name?: PropertyName])[] = [
  [0x01, 1, 'payloadFormatIndicator'],
  [0x02, 4, 'messageExpiryInterval'],
  [0x03, 'string', 'contentType'],
  [0x08, 'string', 'responseTopic'],
  [0x09, 'binary', 'correlationData'],
  [0x0b, 'varint', 'subscriptionIdentifiers'],
  [0x11, 4, 'sessionExpiryInterval'],
  [0x12, 'string'],
  [0x13, 2, 'serverKeepAlive'],
  [0x1a, 'string'],
  [0x1c, 'string'],
  [0x1f, 'string', 'reasonString'],
  [0x21, 2, 'receiveMaximum'],
  [0x22, 2],
  [0x24, 1],
  [0x25, 1],
  [0x26, 'pair', 'userProperties'],
  [0x27, 4, 'maximumPacketSize'],
  [0x28, 1],
  [0x29, 'boolean', 'subscriptionIdentifiersAvailable'],
  [0x2a, 1],
]

/** Reads a property length and what it is of; undefined for nothing. Which packet may have which is the hub's to know. */
export function readProperties(reader: FieldReader): Properties | undefined {
  const part = reader.part(reader.varint())
  if (part.left === 0) return undefined
  const properties: Record<string, unknown> = {}
  while (part.left > 0) {
    const id = part.uint(1)
    const entry = table.find(row => row[0] === id)
    if (entry === undefined) throw malformed(`property ${id} is not known`)
    const [, kind, name] = entry
    const value = typeof kind === 'number' ? part.uint(kind) : part[kind]()
    if (name === undefined) continue
    properties[name] = isList(kind) ? [...((properties[name] as unknown[]) ?? []), value] : value
  }
  return properties
}

/** What may stand more than once in one packet. */
function isList(kind: Kind): boolean {
  return kind === 'pair' || kind === 'varint'
}

export function writeProperties(writer: FieldWriter, properties: Properties = {}): void {
  writer.withLength(() => {
    for (const name in properties) {
      const value = properties[name as PropertyName]
      const row = value === undefined ? value : table.find(row => row[2] === name)
      if (row === undefined) continue
      const [id, kind] = row
      for (const item of isList(kind) ? (value as unknown[]) : [value]) {
        writer.uint(id, 1)
        if (typeof kind === 'number') writer.uint(item as never, kind)
        else writer[kind](item as never)
      }
    }
  })
}
