import {
  type Client,
  type ClientOptions,
  type HttpTransportOptions,
  httpTransport,
  openClient,
  type Transport,
} from '@thingmesh/core'
import { type MqttTransportOptions, mqttTransport, webSocketDial } from '@thingmesh/core/mqtt-client'
import { type TlsOptions, tcpDial } from './transports/tcp.ts'

export interface ConnectOptions extends ClientOptions, MqttTransportOptions, HttpTransportOptions {
  /** For `mqtts:`. */
  readonly tls?: TlsOptions | undefined
}

/**
 * Opens a client. The url says how: `mqtt://host[:1883]`, `mqtts://host[:8883]`, `ws://host[/mqtt]`, `wss://host[/mqtt]`
 * (MQTT in WebSockets, from Node 22 on), `http://host` and
 * `https://host`. Over MQTT a key goes with its `thing`; over HTTP it goes alone, or a `token` in its place.
 *
 * Settles when the first attempt is decided. Rejects with `ThingmeshError` where the hub refuses for good, a wrong key
 * say; a hub that is not there gives a client that is `offline` and goes on trying. Throws `TypeError` for a url or
 * options that make no sense.
 */
export async function connect(url: string, options: ConnectOptions = {}): Promise<Client> {
  return openClient(toTransport(url, options), options)
}

function toTransport(text: string, options: ConnectOptions): Transport {
  const url = new URL(text)
  if (url.username !== '' || url.password !== '') {
    throw new TypeError("the hub's url holds a user or a password: pass thing and key as options")
  }
  // What is in brackets is an IPv6 address.
  const host = url.hostname.replace(/^\[|\]$/g, '')
  const port = (byDefault: number): number => (url.port === '' ? byDefault : Number(url.port))
  switch (url.protocol) {
    case 'mqtt:':
      return mqttTransport(tcpDial(host, port(1883), undefined), options)
    case 'mqtts:':
      return mqttTransport(tcpDial(host, port(8883), options.tls ?? {}), options)
    case 'ws:':
    case 'wss:':
      if (url.pathname === '/') url.pathname = '/mqtt'
      return mqttTransport(webSocketDial(url.href), options)
    case 'http:':
    case 'https:':
      return httpTransport(text, options)
    default:
      throw new TypeError(`the hub's url starts with ${url.protocol}//: mqtt, mqtts, ws, wss, http and https are known`)
  }
}
