import type { ThingmeshError } from '../../errors/index.ts'
import { malformed, protocolError } from './faults.ts'
import type { Role } from './fixed-header.ts'
import { type Properties, type PropertyDescriptor, type PropertyOwner, propertyById } from './properties.ts'
import { checkedNumber, checkTogether } from './property-rules.ts'
import { pastTheEnd, type Reader } from './reader.ts'

/** Who reads, and how much of it: what stays the same for all packets of a parser. */
export interface DecodeSettings {
  readonly role: Role
  readonly userPropertiesMax: number
  readonly userPropertyBytesMax: number
  readonly filtersPerSubscribeMax: number
}

/** Reads a property length and the properties behind it; undefined where there are none. */
export function decodeProperties(
  reader: Reader,
  owner: PropertyOwner,
  settings: DecodeSettings,
): Properties | undefined {
  const length = reader.variableInteger()
  if (length === 0) return undefined
  if (length > reader.remaining) throw pastTheEnd(length, reader.remaining)
  const outerEnd = reader.end
  reader.end = reader.position + length
  const properties: Properties = {}
  let userPropertyBytes = 0
  while (reader.remaining > 0) {
    const id = reader.byte()
    const entry = propertyById(id)
    if (entry === undefined) throw malformed(`property ${id} is not known`)
    if (!entry.owners.includes(owner)) throw malformed(`property ${entry.name} in ${owner}`)
    if (entry.name === 'userProperties') {
      const start = reader.position
      const list = properties.userProperties ?? []
      properties.userProperties = list
      if (list.length >= settings.userPropertiesMax) throw tooMany('user properties', settings.userPropertiesMax)
      const pair: [string, string] = [reader.string(), reader.string()]
      // Two length fields of two bytes are not the peer's text.
      userPropertyBytes += reader.position - start - 4
      if (userPropertyBytes > settings.userPropertyBytesMax) {
        throw tooMany('bytes of user properties', settings.userPropertyBytesMax)
      }
      list.push(pair)
    } else if (entry.name === 'subscriptionIdentifiers') {
      const list = properties.subscriptionIdentifiers ?? []
      properties.subscriptionIdentifiers = list
      if (list.length > 0 && owner === 'subscribe') throw repeated(entry)
      list.push(checkedNumber(entry, reader.variableInteger()))
    } else {
      if (properties[entry.name] !== undefined) throw repeated(entry)
      const target = properties as Record<string, unknown>
      target[entry.name] = readValue(reader, entry)
    }
  }
  reader.end = outerEnd
  checkTogether(properties)
  return properties
}

function readValue(reader: Reader, entry: PropertyDescriptor): unknown {
  switch (entry.type) {
    case 'boolean':
      return checkedNumber(entry, reader.byte()) === 1
    case 'byte':
      return checkedNumber(entry, reader.byte())
    case 'uint16':
      return checkedNumber(entry, reader.uint16())
    case 'uint32':
      return checkedNumber(entry, reader.uint32())
    case 'varint':
      return checkedNumber(entry, reader.variableInteger())
    case 'string':
      return reader.string()
    case 'binary':
      return reader.binary()
    case 'pair':
      return [reader.string(), reader.string()]
  }
}

function repeated(entry: PropertyDescriptor): ThingmeshError {
  return protocolError(`property ${entry.name} more than once`)
}

function tooMany(what: string, limit: number): ThingmeshError {
  return protocolError(`too many ${what}, the limit is ${limit}`, { limit })
}
