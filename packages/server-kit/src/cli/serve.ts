import { BlockList, isIP, isIPv6 } from 'node:net'
import { resolve } from 'node:path'
import { clientCertificateModes, durabilities } from '../contracts/index.ts'
import type { Call, Command } from './command.ts'
import { limitChoices, type ServeOptions, type TlsFiles } from './serve-options.ts'
import { UsageError } from './usage-error.ts'
import { choiceOf, flagOf, integerOf, textOf, textsOf, type Values } from './values.ts'

export const serveCommand: Command = {
  name: 'serve',
  synopsis:
    '[--data DIR] [--host HOST] [--mqtt PORT|off] [--http PORT|off] [--coap PORT|off] [--coap-tcp PORT|off]' +
    ' [--durability memory|process|disk] [--mqtts PORT] [--https PORT] [--tls-cert FILE --tls-key FILE]' +
    ' [--tls-ca FILE --client-certificates optional|required] [--allow-origin ORIGIN]...' +
    ' [--open [--open-anywhere]] [--limits safe|spec] [--admin-token-file FILE] [--json | --quiet]',
  summary: 'run a hub; prints the admin token at the first start on its data, this once',
  words: [0, 0],
  flags: {
    data: { type: 'string' },
    host: { type: 'string' },
    mqtt: { type: 'string' },
    http: { type: 'string' },
    coap: { type: 'string' },
    'coap-tcp': { type: 'string' },
    mqtts: { type: 'string' },
    https: { type: 'string' },
    'tls-cert': { type: 'string' },
    'tls-key': { type: 'string' },
    'tls-ca': { type: 'string' },
    'client-certificates': { type: 'string' },
    'allow-origin': { type: 'string', multiple: true },
    durability: { type: 'string' },
    open: { type: 'boolean' },
    'open-anywhere': { type: 'boolean' },
    limits: { type: 'string' },
    'admin-token-file': { type: 'string' },
    json: { type: 'boolean' },
    quiet: { type: 'boolean' },
  },
  run: async call => {
    const options = parseOptions(call)
    // The hub with its listeners and stores is loaded by who serves, and by nobody else.
    const { runHub } = await import('./hub-process.ts')
    await runHub(options, call.terminal)
  },
}

function parseOptions({ values }: Call): ServeOptions {
  const host = textOf(values, 'host') ?? '127.0.0.1'
  const data = textOf(values, 'data') ?? 'thingmesh-data'
  if (host === '' || data === '') throw new UsageError('--host and --data must not be empty')
  const anywhere = flagOf(values, 'open-anywhere')
  const open = flagOf(values, 'open') || anywhere
  if (open && !anywhere && !isLoopback(host)) {
    throw new UsageError('--open lets anybody in, so it is for a loopback --host; --open-anywhere is for any')
  }
  const coap = portOf(values, 'coap', 5683)
  const ports = {
    mqtt: portOf(values, 'mqtt', 1883),
    http: portOf(values, 'http', 8080),
    coap,
    // CoAP has one number for both (RFC 8323, section 8.1): moving it moves both doors, and `off` shuts both.
    coapTcp: portOf(values, 'coap-tcp', coap),
    mqtts: portOf(values, 'mqtts'),
    https: portOf(values, 'https'),
  }
  if (Object.values(ports).every(port => port === undefined)) throw new UsageError('every door is off')
  return {
    data: resolve(data),
    host,
    ...ports,
    origins: originsOf(values),
    tls: tlsOf(values, ports.mqtts !== undefined || ports.https !== undefined),
    durability: choiceOf(values, 'durability', durabilities) ?? 'disk',
    open,
    limits: choiceOf(values, 'limits', limitChoices) ?? 'safe',
    tokenFile: textOf(values, 'admin-token-file'),
    output: flagOf(values, 'json') ? 'json' : flagOf(values, 'quiet') ? 'quiet' : 'text',
  }
}

/** Names are not looked up: only the one that means it everywhere (RFC 6761, section 6.3). */
function isLoopback(host: string): boolean {
  if (host === 'localhost') return true
  const loopback = new BlockList()
  loopback.addSubnet('127.0.0.0', 8, 'ipv4')
  loopback.addAddress('::1', 'ipv6')
  return isIP(host) !== 0 && loopback.check(host, isIPv6(host) ? 'ipv6' : 'ipv4')
}

function portOf(values: Values, name: string, usual?: number): number | undefined {
  return textOf(values, name) === 'off' ? undefined : (integerOf(values, name, 0, 65_535) ?? usual)
}

function tlsOf(values: Values, isNeeded: boolean): TlsFiles | undefined {
  const cert = textOf(values, 'tls-cert')
  const key = textOf(values, 'tls-key')
  const ca = textOf(values, 'tls-ca')
  const clientCertificates = choiceOf(values, 'client-certificates', clientCertificateModes) ?? 'off'
  const isGiven = cert !== undefined || key !== undefined || ca !== undefined || clientCertificates !== 'off'
  if (!isNeeded && !isGiven) return undefined
  // A flag that changes nothing would leave somebody believing that it did.
  if (!isNeeded) throw new UsageError('certificates are for --mqtts PORT and --https PORT, and there is neither')
  if (cert === undefined || key === undefined) throw new UsageError('TLS needs both --tls-cert FILE and --tls-key FILE')
  if ((ca === undefined) !== (clientCertificates === 'off')) {
    throw new UsageError('--tls-ca FILE goes with --client-certificates optional or required')
  }
  return { cert: resolve(cert), key: resolve(key), ca: ca && resolve(ca), clientCertificates }
}

function originsOf(values: Values): readonly string[] {
  const origins = textsOf(values, 'allow-origin') ?? []
  const wrong = origins.find(origin => origin !== '*' && !/^https?:\/\/[^/?#@\s]+$/.test(origin))
  if (wrong !== undefined) throw new UsageError('--allow-origin must be like https://app.example, or *')
  return origins
}
