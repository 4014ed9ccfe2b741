/** Suites of cases, as data, for the contracts of core: who writes an outbox runs them with any test runner. */
export { type OutboxCapability, type OutboxCase, outboxCases } from './outbox-cases.ts'
