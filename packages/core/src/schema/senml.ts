import { senmlJsonCodec } from '../codec/senml/index.ts'
import type { Format } from './format.ts'
import { senmlFormat } from './senml-pack.ts'

/** SenML as JSON (RFC 8428, section 5): one record for each field that is there, under its name and unit. */
export const senmlJsonFormat: Format = /* @__PURE__ */ senmlFormat(senmlJsonCodec)
