export { bytesCodec } from './bytes.ts'
export type { Codec } from './codec.ts'
export { codecFor } from './codec-for.ts'
export { type DataLimits, defaultDataLimits } from './data-limits.ts'
export { jsonCodec, jsonCodecWith } from './json.ts'
export {
  type ByteTexts,
  type PayloadJson,
  toMessageFields,
  toMessageJson,
  toPayloadJson,
  toPayloadText,
} from './message-json.ts'
export { textCodec } from './text.ts'
