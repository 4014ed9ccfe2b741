export { MemoryConnection, type PublishOptions } from './connection.ts'
export { type MemoryConnectOptions, type MemoryListener, memoryListener } from './listener.ts'
