import { readFile, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { expect } from 'vitest'
import { coap, coapClient, observing } from './support/coap.ts'
import { itWith } from './support/peers.ts'
import { openScene } from './support/scene.ts'

itWith([coapClient, 'stdbuf'])(
  'libcoap’s client over TCP sets, reads and observes, also 60 KiB in blocks',
  async () => {
    const { site, hub, meter } = await openScene()
    const url = (path: string) => `coap+tcp://${hub.host}:${hub.portOf('coapTcp')}${path}?auth=${meter.secret}`

    expect(await coap(site, ['-m', 'put', '-t', '0', '-e', '21.5', url('/c/telemetry/a')])).toMatchObject({ err: '' })
    expect((await coap(site, ['-m', 'get', url('/channels/telemetry/messages/a')])).out).toBe('21.5\n')
    const stranger = await coap(site, ['-m', 'get', url('/c/telemetry/a').replace(/\?.*/, '')])
    expect(stranger.err).toContain('4.01')
    const [sent, read] = [join(site.directory, 'sent'), join(site.directory, 'read')]
    const text = Array.from({ length: 61_440 / 8 }, (_, i) => `${i}`.padStart(8, '.')).join('')
    await writeFile(sent, text)
    await coap(site, ['-b', '1024', '-m', 'put', '-f', sent, url('/c/telemetry/large')])
    await coap(site, ['-m', 'get', '-o', read, url('/c/telemetry/large')])
    expect(await readFile(read, 'utf8')).toBe(text)

    const observer = await observing(site, url('/c/telemetry/a'))
    for (let i = 0; i < 10; i++) await coap(site, ['-m', 'post', '-e', `m${i}`, url('/c/telemetry/a')])
    const expected = ['21.5', ...Array.from({ length: 10 }, (_, i) => `m${i}`)]
    await observer.says(({ lines }) => lines.length >= expected.length, 'all notifications')
    expect(observer.lines).toEqual(expected)
  },
)
