import { type Client, type ClientOptions, type HttpTransportOptions, httpTransport, openClient } from '@thingmesh/core'
import { pageHints } from './page-hints.ts'

export interface HttpConnectOptions extends ClientOptions, HttpTransportOptions {}

/** As `connect` of the package itself, for `http:` and `https:` alone: a page that has no use for MQTT does not load it. */
export async function connect(url: string, options: HttpConnectOptions): Promise<Client> {
  return openClient(httpTransport(url, options), { hints: pageHints, ...options })
}
