export type { SenmlPack, SenmlRecord } from './record.ts'
export { resolveSenml, type SenmlMeasurement } from './resolve.ts'
export { senmlJsonCodec } from './senml-json.ts'
export { senmlUnits } from './units.ts'
