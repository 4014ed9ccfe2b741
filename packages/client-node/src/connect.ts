import {
  type Client,
  type ClientOptions,
  checkOptionNames,
  type HttpTransportOptions,
  httpTransport,
  type OptionNames,
  openClient,
  type Transport,
} from '@thingmesh/core'
import { type MqttTransportOptions, mqttTransport } from '@thingmesh/core/mqtt-client'
import type { CoapTransportOptions } from './transports/coap/transport.ts'
import { httpsFetch } from './transports/https-fetch.ts'
import { tcpDial } from './transports/tcp.ts'
import { checkTls, type TlsOptions } from './transports/tls.ts'

export interface ConnectOptions
  extends ClientOptions,
    MqttTransportOptions,
    HttpTransportOptions,
    CoapTransportOptions {
  /** For `mqtts:`, `wss:` and `https:`. */
  readonly tls?: TlsOptions | undefined
  /** For `memory:`, what `memoryListener()` of `@thingmesh/server-kit/memory` gave. */
  readonly listener?: MemoryDoor | undefined
}

const connectOptions: OptionNames<ConnectOptions> = {
  outbox: true,
  backoff: true,
  connectTimeoutMs: true,
  waitersMax: true,
  hints: true,
  signal: true,
  thing: true,
  key: true,
  token: true,
  byCertificate: true,
  tls: true,
  fetch: true,
  clientId: true,
  sessionSeconds: true,
  keepAliveSeconds: true,
  timeoutMs: true,
  receiveMaximum: true,
  packetBytesMax: true,
  wireBytesMax: true,
  silenceMs: true,
  checkMs: true,
  eventBytesMax: true,
  ackTimeoutMs: true,
  listener: true,
}

/** The door of a hub in this process. */
export interface MemoryDoor {
  transport(options: MemoryDoorOptions): Transport
}

export interface MemoryDoorOptions {
  readonly thing?: string | undefined
  readonly key?: string | undefined
  readonly token?: string | undefined
  readonly clientId?: string | undefined
  readonly sessionSeconds?: number | undefined
}

/**
 * Opens a client. The url says how: `mqtt://host[:1883]`, `mqtts://host[:8883]`, `ws://host[/mqtt]`, `wss://host[/mqtt]`
 * (MQTT in WebSockets), `http://host`, `https://host`, `coap://host[:5683]`, and `memory:` with a
 * `listener`. A key may go with its `thing`; a `token` takes its place.
 *
 * Settles when the first attempt is decided. Rejects with `ThingmeshError` where the hub refuses for good, a wrong key
 * say; a hub that is not there gives a client that is `offline` and goes on trying. Throws `TypeError` for a url or
 * options that make no sense.
 */
export async function connect(url: string, options: ConnectOptions = {}): Promise<Client> {
  checkOptionNames('connect', options, connectOptions)
  return openClient(await toTransport(url, options), options)
}

async function toTransport(text: string, given: ConnectOptions): Promise<Transport> {
  const url = new URL(text)
  const options = isHttp(url) || url.protocol === 'memory:' ? given : withSecret(given)
  if (url.username !== '' || url.password !== '') {
    throw new TypeError("the hub's url holds a user or a password: pass thing and key as options")
  }
  if (options.tls !== undefined) checkTls(options.tls)
  // What is in brackets is an IPv6 address.
  const host = url.hostname.replace(/^\[|\]$/g, '')
  const port = (byDefault: number): number => (url.port === '' ? byDefault : Number(url.port))
  switch (url.protocol) {
    case 'mqtt:':
      return mqttTransport(tcpDial(host, port(1883), undefined), options)
    case 'mqtts:':
      return mqttTransport(tcpDial(host, port(8883), options.tls ?? {}), options)
    case 'ws:':
    case 'wss:': {
      if (url.pathname === '/') url.pathname = '/mqtt'
      // Who does not need it need not load it.
      const { webSocketDialWith } = await import('./transports/websocket.ts')
      return mqttTransport(webSocketDialWith(url.href, options.tls), options)
    }
    case 'http:':
      return httpTransport(text, options)
    case 'https:':
      return httpTransport(text, options.tls === undefined ? options : overTls(options, options.tls))
    case 'coap:': {
      // Who does not speak CoAP need not load it.
      const { coapTransport } = await import('./transports/coap/transport.ts')
      return coapTransport(host, port(5683), options)
    }
    case 'memory:':
      return memoryTransport(options)
    default:
      throw new TypeError(
        `the hub's url starts with ${url.protocol}//: mqtt, mqtts, ws, wss, http, https, coap and memory: are known`,
      )
  }
}

function isHttp({ protocol }: URL): boolean {
  return protocol === 'http:' || protocol === 'https:'
}

/** MQTT and CoAP have one place for who asks, whatever he shows. */
function withSecret(options: ConnectOptions): ConnectOptions {
  const { key, token } = options
  if (key !== undefined && token !== undefined) throw new TypeError('exactly one of key and token is needed')
  return token === undefined ? options : { ...options, key: token }
}

function overTls(options: ConnectOptions, tls: TlsOptions): HttpTransportOptions {
  const byCertificate = tls.cert !== undefined && options.key === undefined && options.token === undefined
  return { fetch: httpsFetch(tls), byCertificate, ...options }
}

function memoryTransport({ listener, thing, key, token, clientId, sessionSeconds }: ConnectOptions): Transport {
  if (listener === undefined) throw new TypeError('memory: takes a listener, the memoryListener() of the hub')
  return listener.transport({ thing, key, token, clientId, sessionSeconds })
}
