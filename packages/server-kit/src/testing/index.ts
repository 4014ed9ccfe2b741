export { type MessageFields, testMessage } from './messages.ts'
export { type StoreCapability, type StoreCase, storeCases } from './store-suite.ts'
