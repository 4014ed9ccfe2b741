export type { MessageFramesOptions } from './frames/options.ts'
export { messageFrames } from './frames/route.ts'
export { type WebSocketsOptions, webSockets } from './upgrade.ts'
