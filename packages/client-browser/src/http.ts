/** `connect` over HTTP and server-sent events alone, for pages that count their bytes. */
export { connect, type HttpConnectOptions } from './connect/http.ts'
