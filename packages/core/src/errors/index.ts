export { type ErrorCode, errorCodes, retryableByCode } from './codes.ts'
export { type ErrorOptions, isThingmeshError, type Outcome, ThingmeshError, toThingmeshError } from './error.ts'
