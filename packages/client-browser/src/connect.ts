import {
  type Client,
  type ClientOptions,
  type HttpTransportOptions,
  httpTransport,
  openClient,
  type Transport,
} from '@thingmesh/core'
import { type MqttTransportOptions, mqttTransport, webSocketDial } from '@thingmesh/core/mqtt-client'
import { pageHints } from './page-hints.ts'

export interface ConnectOptions extends ClientOptions, MqttTransportOptions, HttpTransportOptions {}

/**
 * Opens a client. The url says how: `ws://host[/mqtt]` and `wss://host[/mqtt]` (MQTT 5 in WebSockets), `http://host` and
 * `https://host` (requests and server-sent events). Over MQTT a key goes with its `thing`; over HTTP it goes alone, or a
 * `token` in its place. Where no `hints` are given, the page's are.
 *
 * Settles when the first attempt is decided. Rejects with `ThingmeshError` where the hub refuses for good, a wrong key
 * say; a hub that is not there gives a client that is `offline` and goes on trying. Throws `TypeError` for a url or
 * options that make no sense.
 */
export async function connect(url: string, options: ConnectOptions = {}): Promise<Client> {
  return openClient(toTransport(url, options), { hints: pageHints, ...options })
}

function toTransport(text: string, options: ConnectOptions): Transport {
  const url = new URL(text)
  if (url.username !== '' || url.password !== '') {
    throw new TypeError("the hub's url holds a user or a password: pass thing and key as options")
  }
  switch (url.protocol) {
    case 'ws:':
    case 'wss:':
      if (url.pathname === '/') url.pathname = '/mqtt'
      return mqttTransport(webSocketDial(url.href), options)
    case 'http:':
    case 'https:':
      return httpTransport(text, options)
    default:
      throw new TypeError(`the hub's url starts with ${url.protocol}//: a page can do ws, wss, http and https`)
  }
}
