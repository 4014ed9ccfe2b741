import { readFile, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { expect, onTestFinished } from 'vitest'
import { createHub } from '../src/index.ts'
import { coapTcpListener } from '../src/listeners/coap/index.ts'
import { memoryStore } from '../src/store/memory/index.ts'
import { coap, coapClient, observing } from './support/coap.ts'
import { itWith } from './support/peers.ts'
import { openSite } from './support/site.ts'

itWith([coapClient, 'stdbuf'])(
  'libcoap’s client over TCP sets, reads and observes, also 60 KiB in blocks',
  async () => {
    const site = await openSite()
    const door = coapTcpListener({ port: 0 })
    const hub = await createHub({ store: memoryStore(), listeners: [door] })
    await hub.start()
    onTestFinished(() => hub.stop())
    await hub.control.channels.create({ name: 'telemetry' })
    const { key } = await hub.control.things.create({ name: 'meter' })
    await hub.control.grants.create({ thing: 'meter', channel: 'telemetry', actions: ['publish', 'subscribe', 'read'] })
    const url = (path: string) => `coap+tcp://127.0.0.1:${door.address!.port}${path}?auth=${key.secret}`

    expect(await coap(site, ['-m', 'put', '-t', '0', '-e', '21.5', url('/c/telemetry/a')])).toMatchObject({ err: '' })
    expect((await coap(site, ['-m', 'get', url('/c/telemetry/a')])).out).toBe('21.5\n')
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
