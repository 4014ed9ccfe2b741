/** Suites of cases, as data, for the contracts of core: who writes an outbox or a transport runs them with any test runner. */
export { type OutboxCapability, type OutboxCase, outboxCases } from './outbox-cases.ts'
export { type TransportCase, transportCases } from './transport-cases.ts'
export type { TransportCapability, TransportSite } from './transport-site.ts'
export { toWire, type Vector } from './vectors/vector.ts'
export { vectors } from './vectors/vectors.ts'
