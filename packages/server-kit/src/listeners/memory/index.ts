export { MemoryConnection, type PublishOptions } from './connection.ts'
export { type MemoryListener, memoryListener } from './listener.ts'
export type { MemoryConnectOptions } from './options.ts'
export type { MemoryTransportOptions } from './transport.ts'
