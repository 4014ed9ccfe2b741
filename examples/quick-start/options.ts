import { resolve } from 'node:path'
import { parseArgs } from 'node:util'

export interface Options {
  /** Ports; 0 takes any that is free. */
  readonly mqtt: number
  readonly http: number
  readonly coap: number
  /** A directory. */
  readonly data: string
  /** Whether to open the dashboard in the browser of whoever sits here. */
  readonly openBrowser: boolean
}

/** Throws an error whose message is meant for the person who typed. */
export function parseOptions(args: readonly string[]): Options {
  const { values } = parseArgs({
    args: [...args],
    options: {
      mqtt: { type: 'string', default: '1883' },
      http: { type: 'string', default: '8080' },
      coap: { type: 'string', default: '5683' },
      data: { type: 'string', default: 'thingmesh-data' },
      'open-browser': { type: 'boolean', default: false },
    },
  })
  return {
    mqtt: parsePort('mqtt', values.mqtt),
    http: parsePort('http', values.http),
    coap: parsePort('coap', values.coap),
    data: resolve(values.data),
    openBrowser: values['open-browser'],
  }
}

function parsePort(flag: string, text: string): number {
  const port = Number(text)
  if (!/^\d+$/.test(text) || port > 65_535) throw new Error(`--${flag} must be a port, 0 to 65535`)
  return port
}
