import type { HubProcess } from './hub.ts'
import type { Thing } from './provision.ts'
import type { Finished, Running, Site } from './site.ts'

/** Debian's name for libcoap's client without DTLS. */
export const coapClient = 'coap-client-notls'

/** Where something is, with the key of who asks. */
export function coapUrl(hub: HubProcess, path: string, { secret }: Thing, port = hub.coapPort): string {
  return `coap://${hub.host}:${port}${path}?auth=${secret}`
}

/** libcoap's client, to its end. It ends with 0 whatever it was answered: a refusal stands in `err`. */
export function coap(site: Site, args: readonly string[], stdin?: string | Uint8Array): Promise<Finished> {
  return site.run(coapClient, args, stdin === undefined ? {} : { stdin })
}

/** libcoap's client as an observer; it prints what it is told, one line each. Settles when it was told something. */
export async function observing(site: Site, url: string, seconds = 60): Promise<Running> {
  const running = site.spawn('stdbuf', ['-oL', coapClient, '-w', '-s', String(seconds), '-m', 'get', url])
  await running.says(({ out }) => out !== '', 'a first notification')
  return running
}
