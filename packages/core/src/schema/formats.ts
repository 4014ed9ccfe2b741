import { bytesCodec, defaultDataLimits, jsonCodec, textCodec } from '../codec/index.ts'
import type { Content, Format } from './format.ts'
import { checkJsonData } from './json-data.ts'
import { fromJsonForm, toJsonForm } from './json-form.ts'
import { extentOf, type Shape } from './shape.ts'

/** JSON (RFC 8259), and every media type that ends in `+json` but those of SenML. */
export const jsonFormat: Format = {
  contentTypes: ['application/json'],
  suffix: '+json',
  carrierFor(content) {
    if (content.kind === 'foreign') {
      return {
        encode(value) {
          checkJsonData(value)
          return jsonCodec.encode(value)
        },
        decode: jsonCodec.decode,
      }
    }
    checkExtent(content, 'json')
    return {
      encode: value => jsonCodec.encode(toJsonForm(content, value)),
      decode: payload => fromJsonForm(content, jsonCodec.decode(payload)),
    }
  },
}

/** Text in UTF-8, for a channel whose values are text. */
export const textFormat: Format = {
  contentTypes: ['text/plain'],
  carrierFor(content) {
    const isText = content.kind === 'text' || content.kind === 'choice' || isForeign(content, 'string')
    if (!isText) throw new TypeError('text/plain carries text and nothing else')
    return { encode: value => textCodec.encode(value as string), decode: textCodec.decode }
  },
}

/** Bytes as they are, for a channel whose values are bytes. */
export const bytesFormat: Format = {
  contentTypes: ['application/octet-stream'],
  carrierFor(content) {
    // JSON Schema has no bytes: whoever has a type there has another.
    if (content.kind !== 'bytes' && !isForeign(content, undefined))
      throw new TypeError('application/octet-stream carries bytes and nothing else')
    return { encode: value => bytesCodec.encode(value as Uint8Array), decode: bytesCodec.decode }
  },
}

function isForeign(content: Content, jsonType: string | undefined): boolean {
  return content.kind === 'foreign' && (content.jsonType === undefined || content.jsonType === jsonType)
}

/** What is larger than the codec's limits would be refused by whoever receives it. Throws `TypeError`. */
export function checkExtent(shape: Shape, format: 'json' | 'cbor'): void {
  const { depthMax, nodesMax } = defaultDataLimits
  const { depth, nodes } = extentOf(shape, format)
  if (depth > depthMax) throw new TypeError(`a value is ${depth} levels deep, the limit is ${depthMax}`)
  if (nodes > nodesMax) throw new TypeError(`a value may have ${nodes} nodes, the limit is ${nodesMax}`)
}
