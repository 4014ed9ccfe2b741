import type { Presence, ReceivedMessage, Thing, ThingmeshError } from '@thingmesh/client-browser'

// One clock for all: columns stay narrow, and nobody takes one twelve o'clock for the other.
const hourCycle = 'h23'
const clock = new Intl.DateTimeFormat(undefined, { hour: '2-digit', minute: '2-digit', second: '2-digit', hourCycle })
const day = new Intl.DateTimeFormat(undefined, {
  year: 'numeric',
  month: 'short',
  day: 'numeric',
  hour: '2-digit',
  minute: '2-digit',
  second: '2-digit',
  hourCycle,
})
const minute = new Intl.DateTimeFormat(undefined, { hour: '2-digit', minute: '2-digit', hourCycle })
const date = new Intl.DateTimeFormat(undefined, { dateStyle: 'medium' })
const short = new Intl.NumberFormat(undefined, { maximumSignificantDigits: 6 })
const ago = new Intl.RelativeTimeFormat(undefined, { numeric: 'auto' })
const dayMs = 86_400_000
const bytesShownMax = 64

export const numberText = (value: number): string => short.format(value)
/** For an axis: seconds only where they say something. */
export const axisText = (atMs: number): string => (atMs % 60_000 === 0 ? minute : clock).format(atMs)
export const momentText = (atMs: number): string => day.format(atMs)

const sinceText = (atMs: number): string => (Date.now() - atMs < dayMs ? minute : date).format(atMs)

/** The time of day, with the date where it was not today. */
export function timeText(atMs: number): string {
  return Date.now() - atMs < dayMs ? clock.format(atMs) : day.format(atMs)
}

export function agoText(atMs: number, nowMs = Date.now()): string {
  const seconds = Math.round((nowMs - atMs) / 1000)
  if (seconds < 10) return 'just now'
  if (seconds < 60) return ago.format(-seconds, 'second')
  if (seconds < 3600) return ago.format(-Math.round(seconds / 60), 'minute')
  if (seconds < 86_400) return ago.format(-Math.round(seconds / 3600), 'hour')
  return ago.format(-Math.round(seconds / 86_400), 'day')
}

const protocols: Readonly<Record<string, string>> = {
  mqtt: 'MQTT',
  coap: 'CoAP',
  http: 'HTTP',
  websocket: 'WebSocket',
  memory: 'in the process',
}

export const protocolText = (protocol: string): string => protocols[protocol] ?? protocol

export function presenceText(presence: Presence | undefined): string {
  const [first] = presence?.connections ?? []
  if (first !== undefined) return `${protocolText(first.protocol)} since ${sinceText(first.connectedAtMs)}`
  if (presence?.lastSeenAtMs === undefined) return 'not seen yet'
  return `${protocolText(presence.lastProtocol ?? '')} ${agoText(presence.lastSeenAtMs)}`
}

/** A principal, by the name that the registry has for it. */
export function principalText(principal: string, things: readonly Thing[] | undefined, me: string | undefined): string {
  if (principal === me) return 'this page'
  const thing = things?.find(({ id }) => principal === `thing:${id}`)
  return thing?.name ?? principal.replace(/^([a-z]+:.{8}).*$/, '$1…')
}

export function payloadText(message: ReceivedMessage): string {
  if (message.encoding === 'json') return JSON.stringify(message.payload)
  if (message.encoding === 'text') return message.payload
  const shown = Array.from(message.payload.subarray(0, bytesShownMax), byte => byte.toString(16).padStart(2, '0'))
  return `${shown.join(' ')}${message.payload.length > bytesShownMax ? ' …' : ''}`
}

export function errorText({ code, message }: ThingmeshError): string {
  return `${code}: ${message}`
}

export function countText(count: number, one: string, many = `${one}s`): string {
  return `${count.toLocaleString()} ${count === 1 ? one : many}`
}
