export { httpHandler } from './handler.ts'
export { httpListener } from './listener.ts'
export type { HttpHandlerOptions, HttpListenerOptions } from './options.ts'
