export { type WebSocketsOptions, webSockets } from './upgrade.ts'
