import { malformed } from './faults.ts'
import { type Properties, type PropertyDescriptor, type PropertyOwner, propertyByName } from './properties.ts'
import { checkedNumber, checkTogether } from './property-rules.ts'
import { utf8Length, writeUtf8 } from './utf8.ts'
import { variableIntegerMax, variableIntegerSize, writeVariableInteger } from './variable-integer.ts'
import { checkInteger, checkLength, type Writer } from './writer.ts'

/** Whether there is anything to write: a packet without properties may be shorter. */
export function hasProperties(properties: Properties | undefined): properties is Properties {
  for (const name in properties) {
    const value = properties[name as keyof Properties]
    if (Array.isArray(value) ? value.length > 0 : value !== undefined) return true
  }
  return false
}

/** Writes the properties behind their length. Those that are undefined are left out. */
export function encodeProperties(writer: Writer, properties: Properties | undefined, owner: PropertyOwner): void {
  if (properties === undefined) {
    writer.byte(0)
    return
  }
  const length = measureProperties(properties, owner)
  writer.inPlace(variableIntegerSize(length) + length, (bytes, at) => writeProperties(properties, length, bytes, at))
}

/** How many bytes the properties take, without their length. Throws `invalid-argument` for what may not be in them. */
export function measureProperties(properties: Properties, owner: PropertyOwner): number {
  checkTogether(properties)
  let length = 0
  // Of the ways to go through an object this is the one that makes nothing.
  for (const name in properties) {
    const value = properties[name as keyof Properties]
    if (value === undefined) continue
    const entry = propertyByName(name)
    if (entry === undefined) throw new TypeError(`mqtt has no property ${name}`)
    if (!entry.owners.includes(owner)) throw malformed(`property ${name} in ${owner}`)
    length += measureProperty(entry, owner, value)
  }
  checkInteger(length, variableIntegerMax, 'property length')
  return length
}

/** Writes what `measureProperties` measured, behind its length, and returns where it ends. */
export function writeProperties(properties: Properties, length: number, target: Uint8Array, start: number): number {
  let at = writeVariableInteger(length, target, start)
  for (const name in properties) {
    const value = properties[name as keyof Properties]
    const entry = propertyByName(name)
    if (value !== undefined && entry !== undefined) at = writeProperty(entry, value, target, at)
  }
  return at
}

function measureProperty(entry: PropertyDescriptor, owner: PropertyOwner, value: unknown): number {
  switch (entry.type) {
    case 'pair':
      return measurePairs(value as readonly [string, string][])
    case 'varint':
      return measureIdentifiers(entry, owner, value as readonly number[])
    case 'string':
      return 1 + measureString(value as string, entry.name)
    case 'binary':
      return 3 + checkLength((value as Uint8Array).length, entry.name)
    case 'boolean':
      return 2
    default:
      checkedNumber(entry, value as number)
      return 1 + numberBytes[entry.type]
  }
}

const numberBytes = { byte: 1, uint16: 2, uint32: 4 } as const

function measurePairs(pairs: readonly [string, string][]): number {
  let length = 0
  for (const [name, text] of pairs) {
    length += 1 + measureString(name, 'name of a user property') + measureString(text, 'value of a user property')
  }
  return length
}

function measureIdentifiers(entry: PropertyDescriptor, owner: PropertyOwner, identifiers: readonly number[]): number {
  if (owner === 'subscribe' && identifiers.length > 1) throw malformed('subscribe with more than one identifier')
  let length = 0
  for (const identifier of identifiers) length += 1 + variableIntegerSize(checkedNumber(entry, identifier))
  return length
}

function measureString(text: string, field: string): number {
  const length = utf8Length(text)
  if (length < 0) throw malformed(`${field} holds U+0000 or an unpaired surrogate`)
  return 2 + checkLength(length, field)
}

function writeProperty(entry: PropertyDescriptor, value: unknown, target: Uint8Array, start: number): number {
  const { id, type } = entry
  let at = start
  if (type === 'pair') {
    for (const [name, text] of value as readonly [string, string][]) {
      target[at++] = id
      at = writeString(text, target, writeString(name, target, at))
    }
    return at
  }
  if (type === 'varint') {
    for (const identifier of value as readonly number[]) {
      target[at++] = id
      at = writeVariableInteger(identifier, target, at)
    }
    return at
  }
  target[at++] = id
  if (type === 'string') return writeString(value as string, target, at)
  if (type === 'binary') return writeBinary(value as Uint8Array, target, at)
  if (type !== 'boolean') return writeNumber(value as number, numberBytes[type], target, at)
  target[at++] = value === true ? 1 : 0
  return at
}

/** Its length is known when it is written. */
function writeString(text: string, target: Uint8Array, start: number): number {
  const end = writeUtf8(text, target, start + 2)
  writeNumber(end - start - 2, 2, target, start)
  return end
}

function writeBinary(value: Uint8Array, target: Uint8Array, start: number): number {
  const at = writeNumber(value.length, 2, target, start)
  target.set(value, at)
  return at + value.length
}

function writeNumber(value: number, bytes: number, target: Uint8Array, start: number): number {
  let at = start
  for (let shift = 8 * (bytes - 1); shift >= 0; shift -= 8) target[at++] = value >>> shift
  return at
}
