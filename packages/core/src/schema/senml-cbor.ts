import { senmlCborCodec } from '../codec/senml/cbor.ts'
import type { Format } from './format.ts'
import { senmlFormat } from './senml-pack.ts'

/** SenML as CBOR (RFC 8428, section 6): one record for each field that is there, under its name and unit. */
export const senmlCborFormat: Format = /* @__PURE__ */ senmlFormat(senmlCborCodec)
