import { writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { describe, expect } from 'vitest'
import { startHub } from './support/hub.ts'
import { mqttVersions } from './support/mosquitto.ts'
import { itWith } from './support/peers.ts'
import { createChannel, createThing, readHistory } from './support/provision.ts'
import { openSite, type Site } from './support/site.ts'

/** Certificates as an operator makes them, by openssl. */
class Workshop {
  readonly #site: Site

  constructor(site: Site) {
    this.#site = site
  }

  path(file: string): string {
    return join(this.#site.directory, file)
  }

  async authority(name: string): Promise<void> {
    await this.#openssl([
      'req',
      '-x509',
      ...this.#newKey(name),
      '-days',
      '2',
      '-subj',
      `/CN=${name}`,
      '-out',
      this.path(`${name}.pem`),
    ])
  }

  /** `<name>.pem` and `<name>.key`, with this subject alternative name. */
  async issue(name: string, by: string, subjectAltName: string, days = '2'): Promise<void> {
    const request = this.path(`${name}.csr`)
    const extensions = this.path(`${name}.ext`)
    await writeFile(extensions, `subjectAltName=${subjectAltName}\n`)
    await this.#openssl(['req', ...this.#newKey(name), '-subj', `/CN=${name}`, '-out', request])
    const signer = ['-CA', this.path(`${by}.pem`), '-CAkey', this.path(`${by}.key`), '-CAcreateserial']
    await this.#openssl([
      ...['x509', '-req', '-in', request, ...signer, '-days', days],
      ...['-extfile', extensions, '-out', this.path(`${name}.pem`)],
    ])
  }

  #newKey(name: string): readonly string[] {
    return ['-newkey', 'ec', '-pkeyopt', 'ec_paramgen_curve:P-256', '-nodes', '-keyout', this.path(`${name}.key`)]
  }

  async #openssl(args: readonly string[]): Promise<void> {
    const { code, err } = await this.#site.run('openssl', args)
    if (code !== 0) throw new Error(`openssl ${args[0]}: ${err}`)
  }
}

async function openScene() {
  const site = await openSite()
  const make = new Workshop(site)
  await make.authority('root')
  await make.authority('stranger')
  await make.issue('hub', 'root', 'DNS:localhost,IP:127.0.0.1')
  const hub = await startHub(site, {
    flags: [
      ...['--mqtts', '0', '--https', '0', '--tls-cert', make.path('hub.pem'), '--tls-key', make.path('hub.key')],
      ...['--tls-ca', make.path('root.pem'), '--client-certificates', 'optional'],
    ],
  })
  await createChannel(hub, 'telemetry')
  const thing = await createThing(hub, 'sensor-1', ['telemetry'])
  await make.issue('device', 'root', `URI:urn:thingmesh:thing:${thing.id}`)
  await make.issue('named', 'root', 'DNS:sensor-1')
  await make.issue('forged', 'stranger', `URI:urn:thingmesh:thing:${thing.id}`)
  const pub = (more: readonly string[], text: string) =>
    site.run('mosquitto_pub', [
      ...['-h', 'localhost', '-p', String(hub.portOf('mqtts')), '--cafile', make.path('root.pem')],
      ...['-t', 'telemetry/a', '-q', '1', '-m', text, ...more],
    ])
  const shown = (name: string) => ['--cert', make.path(`${name}.pem`), '--key', make.path(`${name}.key`)]
  return { site, make, hub, thing, pub, shown }
}

describe('stock clients over TLS', () => {
  itWith(['mosquitto_pub', 'openssl'])(
    'come in by key and by certificate, in every version, and nobody else does',
    async () => {
      const { hub, thing, pub, shown, make } = await openScene()
      const expected: string[] = []
      for (const version of mqttVersions) {
        for (const [how, args] of [
          ['key', ['-u', thing.name, '-P', thing.secret]],
          ['certificate', shown('device')],
          ['named', shown('named')],
          ['named twice', [...shown('device'), '-u', thing.name]],
          ['alpn', [...shown('device'), '--tls-alpn', 'mqtt']],
          ['1.2', [...shown('device'), '--tls-version', 'tlsv1.2']],
          ['1.3', [...shown('device'), '--tls-version', 'tlsv1.3']],
        ] as const) {
          const text = `${version} ${how}`
          expect(await pub([...args, '-V', version], text), text).toMatchObject({ code: 0, err: '' })
          expected.push(text)
        }
      }
      for (const args of [
        [],
        shown('forged'),
        [...shown('device'), '-u', 'sensor-2'],
        [...shown('device'), '--tls-alpn', 'x-other'],
        ['-u', thing.name, '-P', thing.secret, '--cafile', make.path('stranger.pem')],
      ]) {
        expect((await pub(args, 'refused')).code, args.join(' ')).not.toBe(0)
      }
      const stored = await readHistory(hub, 'telemetry')
      expect(stored.map(({ payload }) => payload)).toEqual(expected)
    },
  )

  itWith(['curl', 'openssl'])('post over HTTPS', async () => {
    const { site, hub, thing, make, shown } = await openScene()
    const post = async (args: readonly string[]) => {
      const url = `https://localhost:${hub.portOf('https')}/channels/telemetry/messages/b`
      const exchange = ['-sS', '-m', '20', '-o', '/dev/null', '-w', '%{http_code}', '--cacert', make.path('root.pem')]
      return (await site.run('curl', [...exchange, '-d', '1', ...args, url])).out
    }
    expect(await post(['-H', `Authorization: Thing ${thing.secret}`])).toBe('202')
    expect(await post(shown('device'))).toBe('202')
    expect(await post([])).toBe('401')
    expect(await post(shown('forged'))).toBe('000')
  })
})
