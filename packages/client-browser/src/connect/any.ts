import { type Client, httpTransport, openClient, type Transport } from '@thingmesh/core'
import type { HttpConnectOptions } from './http.ts'
import { type MqttConnectOptions, webSocketTransport } from './mqtt.ts'
import { pageHints } from './page-hints.ts'

export interface ConnectOptions extends MqttConnectOptions, HttpConnectOptions {}

/**
 * Opens a client. The url says how: `ws://host[/mqtt]` and `wss://host[/mqtt]` (MQTT 5 in WebSockets), `http://host` and
 * `https://host` (requests and server-sent events). A key may go with its `thing`; a `token` takes its place. Where no `hints` are given, the page's are.
 *
 * Settles when the first attempt is decided. Rejects with `ThingmeshError` where the hub refuses for good, a wrong key
 * say; a hub that is not there gives a client that is `offline` and goes on trying. Throws `TypeError` for a url or
 * options that make no sense.
 */
export async function connect(url: string, options: ConnectOptions = {}): Promise<Client> {
  return openClient(toTransport(url, options), { hints: pageHints, ...options })
}

function toTransport(url: string, options: ConnectOptions): Transport {
  const { protocol } = new URL(url)
  switch (protocol) {
    case 'ws:':
    case 'wss:':
      // MQTT has one place for who asks, whatever he shows.
      return webSocketTransport(url, { ...options, key: options.key ?? options.token })
    case 'http:':
    case 'https:':
      return httpTransport(url, options)
    default:
      throw new TypeError(`the hub's url starts with ${protocol}//: a page can do ws, wss, http and https`)
  }
}
