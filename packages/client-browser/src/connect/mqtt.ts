import { type Client, type ClientOptions, openClient, type Transport } from '@thingmesh/core'
import { type MqttTransportOptions, mqttTransport, webSocketDial } from '@thingmesh/core/mqtt-client'
import { pageHints } from './page-hints.ts'

export interface MqttConnectOptions extends ClientOptions, MqttTransportOptions {}

/** As `connect` of the package itself, for `ws:` and `wss:` alone: a page that has no use for HTTP does not load it. */
export async function connect(url: string, options: MqttConnectOptions = {}): Promise<Client> {
  return openClient(webSocketTransport(url, options), { hints: pageHints, ...options })
}

/** MQTT 5 in WebSockets, at `/mqtt` unless the url has a path. Throws `TypeError` for a url that makes no sense. */
export function webSocketTransport(text: string, options: MqttTransportOptions): Transport {
  const url = new URL(text)
  if (!/^wss?:$/.test(url.protocol) || url.username + url.password !== '') {
    throw new TypeError('the url must be ws:// or wss://, with no user')
  }
  if (url.pathname === '/') url.pathname = '/mqtt'
  return mqttTransport(webSocketDial(url.href), options)
}
