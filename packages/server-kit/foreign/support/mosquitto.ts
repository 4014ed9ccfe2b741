import type { HubProcess } from './hub.ts'
import type { Thing } from './provision.ts'
import type { Finished, Running, Site } from './site.ts'

export type MqttVersion = 'mqttv31' | 'mqttv311' | 'mqttv5'
export const mqttVersions: readonly MqttVersion[] = ['mqttv31', 'mqttv311', 'mqttv5']

/** Where to, and as whom, for mosquitto_pub and mosquitto_sub alike. */
export function asThing(hub: HubProcess, thing: Thing, version: MqttVersion = 'mqttv311'): readonly string[] {
  return ['-h', hub.host, '-p', String(hub.mqttPort), '-u', thing.name, '-P', thing.secret, '-V', version]
}

/** mosquitto_pub with one message a line, on one connection. It ends when the last one is acknowledged. */
export function publishLines(
  site: Site,
  connection: readonly string[],
  topic: string,
  lines: readonly string[],
): Promise<Finished> {
  const stdin = lines.map(line => `${line}\n`).join('')
  return site.run('mosquitto_pub', [...connection, '-t', topic, '-q', '1', '-l'], { stdin })
}

/** mosquitto_sub; settles when the hub has acknowledged its subscriptions, which `-d` tells. */
export async function subscribed(site: Site, args: readonly string[]): Promise<Running> {
  // Into a pipe it would tell that with the first message only. stdbuf becomes the command: the pid is its own.
  const running = site.spawn('stdbuf', ['-oL', 'mosquitto_sub', ...args, '-d'])
  await running.says(({ out }) => /^Subscribed \(/m.test(out), 'a subscription')
  return running
}

const debugLine = /^(Client \S+ (sending|received) |Subscribed \(mid: )/

/** What a mosquitto_sub has printed of messages, without the lines of its `-d`. */
export function printed(running: Running): readonly string[] {
  return running.lines.filter(line => !debugLine.test(line))
}
