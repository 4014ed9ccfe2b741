import { malformed } from './faults.ts'
import { type Properties, type PropertyDescriptor, type PropertyOwner, propertyByName } from './properties.ts'
import { checkedNumber, checkTogether } from './property-rules.ts'
import type { Writer } from './writer.ts'

/** Writes the properties behind their length. Those that are undefined are left out. */
export function encodeProperties(writer: Writer, properties: Properties | undefined, owner: PropertyOwner): void {
  if (properties === undefined) {
    writer.byte(0)
    return
  }
  checkTogether(properties)
  writer.withLength(() => {
    for (const [name, value] of Object.entries(properties)) {
      if (value === undefined) continue
      const entry = propertyByName(name)
      if (entry === undefined) throw new TypeError(`mqtt has no property ${name}`)
      if (!entry.owners.includes(owner)) throw malformed(`property ${name} in ${owner}`)
      writeProperty(writer, entry, owner, value)
    }
  }, 'property length')
}

/** Whether there is anything to write: a packet without properties may be shorter. */
export function hasProperties(properties: Properties | undefined): properties is Properties {
  if (properties === undefined) return false
  return Object.values(properties).some(value => (Array.isArray(value) ? value.length > 0 : value !== undefined))
}

function writeProperty(writer: Writer, entry: PropertyDescriptor, owner: PropertyOwner, value: unknown): void {
  if (entry.type === 'pair') {
    for (const [name, text] of value as [string, string][]) {
      writer.byte(entry.id)
      writer.string(name, 'name of a user property')
      writer.string(text, 'value of a user property')
    }
  } else if (entry.name === 'subscriptionIdentifiers') {
    const identifiers = value as number[]
    if (owner === 'subscribe' && identifiers.length > 1) throw malformed('subscribe with more than one identifier')
    for (const identifier of identifiers) {
      writer.byte(entry.id)
      writer.variableInteger(checkedNumber(entry, identifier), entry.name)
    }
  } else {
    writer.byte(entry.id)
    writeValue(writer, entry, value)
  }
}

function writeValue(writer: Writer, entry: PropertyDescriptor, value: unknown): void {
  if (entry.type === 'string') writer.string(value as string, entry.name)
  else if (entry.type === 'binary') writer.binary(value as Uint8Array, entry.name)
  else if (entry.type === 'boolean') writer.byte(value === true ? 1 : 0)
  else writeNumber(writer, entry, checkedNumber(entry, value as number))
}

function writeNumber(writer: Writer, entry: PropertyDescriptor, value: number): void {
  if (entry.type === 'byte') writer.byte(value)
  else if (entry.type === 'uint16') writer.uint16(value, entry.name)
  else writer.uint32(value, entry.name)
}
