import { decodeBase64url, encodeBase64url } from '../base64url.ts'
import type { Codec } from '../codec.ts'
import { jsonCodec } from '../json.ts'
import { type Field, toPack } from './check.ts'
import { labels, type SenmlPack, type SenmlRecord } from './record.ts'

/** SenML packs as JSON (RFC 8428, section 5), also those of a SensML stream that is over. Within the limits of `jsonCodec`. */
export const senmlJsonCodec: Codec<SenmlPack> = {
  contentTypes: ['application/senml+json', 'application/sensml+json'],
  encode(pack) {
    const checked = toPack(pack, record => Object.entries(record as SenmlRecord))
    return jsonCodec.encode(checked.map(toJson))
  },
  decode: bytes => toPack(jsonCodec.decode(bytes), fieldsOf),
}

/** In the order of the RFC's tables, bytes as text. */
function toJson(record: SenmlRecord): Record<string, unknown> {
  const json: Record<string, unknown> = {}
  for (const label of labels) {
    const value = record[label]
    if (value !== undefined) json[label] = value instanceof Uint8Array ? encodeBase64url(value) : value
  }
  return json
}

function fieldsOf(record: unknown): readonly Field[] | undefined {
  if (typeof record !== 'object' || record === null || Array.isArray(record)) return undefined
  return Object.entries(record).map(([label, value]) => [
    label,
    label === 'vd' && typeof value === 'string' ? decodeBase64url(value) : value,
  ])
}
