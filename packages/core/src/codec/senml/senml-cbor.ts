import { cborCodec } from '../cbor/cbor.ts'
import type { Codec } from '../codec.ts'
import { type Field, toPack } from './check.ts'
import { fields, labels, type SenmlPack, type SenmlRecord } from './record.ts'

const byNumber: ReadonlyMap<unknown, string> = /* @__PURE__ */ new Map(
  /* @__PURE__ */ labels.map(label => [fields[label].label, label]),
)

/** SenML packs as CBOR (RFC 8428, section 6), also those of a SensML stream that is over. Within the limits of `cborCodec`. */
export const senmlCborCodec: Codec<SenmlPack> = {
  contentTypes: ['application/senml+cbor', 'application/sensml+cbor'],
  encode(pack) {
    const checked = toPack(pack, record => Object.entries(record as SenmlRecord))
    return cborCodec.encode(checked.map(toMap))
  },
  decode: bytes => toPack(cborCodec.decode(bytes), fieldsOf),
}

function toMap(record: SenmlRecord): Map<number, unknown> {
  const map = new Map<number, unknown>()
  for (const label of labels) {
    if (record[label] !== undefined) map.set(fields[label].label, record[label])
  }
  return map
}

/** Extensions have labels that are text. A number that is none of the RFC's is nothing: its table is closed. */
function fieldsOf(record: unknown): readonly Field[] | undefined {
  if (typeof record !== 'object' || record === null || Array.isArray(record)) return undefined
  const entries: readonly (readonly [unknown, unknown])[] =
    record instanceof Map ? [...record.entries()] : Object.entries(record)
  return entries.flatMap(([label, value]): readonly Field[] => {
    if (typeof label !== 'string') {
      const name = byNumber.get(label)
      return name === undefined ? [] : [[name, value]]
    }
    // A label that has a number is not that label as text.
    return Object.hasOwn(fields, label) ? [] : [[label, value]]
  })
}
