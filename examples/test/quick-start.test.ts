import { createSocket, Socket } from 'node:dgram'
import { mkdir, mkdtemp, readFile, rm, stat, writeFile } from 'node:fs/promises'
import { createServer } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { afterAll, beforeAll, describe, expect, it, vi } from 'vitest'
import { type Child, startExample } from './child.ts'
import { hasPeer, paste } from './peers.ts'

let directory = ''
beforeAll(async () => {
  directory = await mkdtemp(join(tmpdir(), 'thingmesh-quick-start-'))
})
afterAll(() => rm(directory, { recursive: true, force: true }))

function quickStart(...args: string[]): Child {
  return startExample('quick-start/main.ts', args, { cwd: directory })
}

async function interrupted(child: Child): Promise<void> {
  // Twice, as from a terminal and through npm.
  child.process.kill('SIGINT')
  child.process.kill('SIGINT')
  expect(await child.exited()).toEqual({ code: 0, signal: null })
  expect(child.err()).toBe('')
}

describe('the lines that the quick start prints, pasted as they are', () => {
  let child: Child
  const lines = { dashboard: '', sub: '', pub: '', coap: '', curl: '' }

  beforeAll(async () => {
    child = quickStart('--mqtt', '0', '--http', '0', '--coap', '0')
    lines.dashboard = await child.lineWith(/#token=/)
    lines.sub = await child.lineWith(/mosquitto_sub/)
    lines.pub = await child.lineWith(/mosquitto_pub/)
    lines.coap = await child.lineWith(/coap-client/)
    lines.curl = await child.lineWith(/curl/)
    await child.lineWith(/Ctrl-C/)
  })
  afterAll(() => child[Symbol.asyncDispose]())

  it('are plain where the output is no terminal, and the admin token is among them once', () => {
    expect(child.out()).not.toContain('\u001b')
    expect(child.out()).toMatch(/^Admin token, shown this once: tmt_/m)
  })

  it('begin with the dashboard, whose token is an operator’s, and ends', async () => {
    const [, origin, token] = /^ {2}(http:\/\/127\.0\.0\.1:\d+)\/#token=(tmt_\S+)$/.exec(lines.dashboard)!
    const page = await fetch(`${origin}/`)
    expect(page.status).toBe(200)
    expect(page.headers.get('content-security-policy')).toContain("default-src 'none'")
    expect(await page.text()).toContain('dashboard.js')
    const script = await fetch(`${origin}/dashboard.js`)
    expect([script.status, script.headers.get('content-type')]).toEqual([200, 'text/javascript; charset=utf-8'])
    const me = await fetch(`${origin}/api/v1/me`, { headers: { authorization: `Bearer ${token}` } })
    const { control, expiresAt } = (await me.json()) as { control: string; expiresAt: string }
    expect(control).toBe('admin')
    expect(Date.parse(expiresAt) - Date.now()).toBeLessThanOrEqual(12 * 3_600_000)
  })

  it.skipIf(!hasPeer('curl'))('curl reads what the things published [curl]', async () => {
    const { code, out, err } = await paste(lines.curl)
    expect({ code, err }).toEqual({ code: 0, err: '' })
    const { messages } = JSON.parse(out) as { messages: { topic: string; encoding: string; payload: object }[] }
    // Each thing's first reading is acknowledged before the lines are printed.
    expect(messages.length).toBeGreaterThanOrEqual(3)
    for (const message of messages) {
      expect(message.topic).toMatch(/^telemetry\/(greenhouse\/climate|workshop\/plug|garden\/tank)$/)
      expect(message.encoding).toBe('json')
    }
  })

  it.skipIf(!hasPeer('mosquitto_sub'))('mosquitto_sub shows readings as they come [mosquitto_sub]', async () => {
    const complete = /^telemetry\/workshop\/plug (\{.*\})$/m
    const { out, err } = await paste(lines.sub, text => complete.test(text))
    expect(err).toBe('')
    expect(JSON.parse(complete.exec(out)?.[1] ?? '')).toMatchObject({ voltage: expect.any(Number) })
  })

  it.skipIf(!hasPeer('mosquitto_pub') || !hasPeer('curl'))(
    'mosquitto_pub publishes what curl then reads [mosquitto_pub, curl]',
    async () => {
      expect(await paste(lines.pub)).toEqual({ code: 0, out: '', err: '' })
      const { out } = await paste(lines.curl.replace('/messages?last=5', '/messages/visitor?last=1'))
      expect(JSON.parse(out)).toMatchObject({ messages: [{ topic: 'telemetry/visitor', payload: 'hello' }] })
    },
  )

  it.skipIf(!hasPeer('coap-client-notls') || !hasPeer('curl'))(
    'coap-client publishes what curl then reads [coap-client-notls, curl]',
    async () => {
      expect(await paste(lines.coap.replace("'hello'", "'by CoAP'"))).toEqual({ code: 0, out: '', err: '' })
      const { out } = await paste(lines.curl.replace('/messages?last=5', '/messages/visitor?last=1'))
      expect(JSON.parse(out)).toMatchObject({ messages: [{ topic: 'telemetry/visitor', payload: 'by CoAP' }] })
    },
  )

  it('ends with 0 when it is interrupted, and starts again on the same data with new keys', async () => {
    await interrupted(child)
    await using again = quickStart('--mqtt', '0', '--http', '0', '--coap', '0')
    const curl = await again.lineWith(/curl/)
    const key = /Thing (tmk_[^']+)/.exec(curl)?.[1] ?? ''
    expect(key).not.toBe('')
    expect(lines.curl).not.toContain(key)
    await again.lineWith(/Ctrl-C/)
    expect(again.out()).not.toContain('Admin token')
    const url = /'(http:[^']+)last=5'/.exec(curl)?.[1] ?? ''
    const newest = await fetch(`${url}limit=1000`, { headers: { authorization: `Thing ${key}` } })
    const old = await fetch(`${url}last=1`, {
      headers: { authorization: /Authorization: ([^']+)/.exec(lines.curl)?.[1] ?? '' },
    })
    expect([newest.status, old.status]).toEqual([200, 401])
    // What the first run was told is still there.
    const { messages } = (await newest.json()) as { messages: { topic: string }[] }
    expect(messages.length).toBeGreaterThan(3)
    await interrupted(again)
  })
})

describe('the quick start, where a browser is asked for', () => {
  it('opens a page of the user’s own that leads to the dashboard, and shows the token to no list of processes', async () => {
    const tools = join(directory, 'tools')
    await mkdir(tools)
    const opener = `#!/bin/sh\nprintf '%s' "$1" > ${join(directory, 'opened.tmp')}; mv ${join(directory, 'opened.tmp')} ${join(directory, 'opened')}\n`
    await writeFile(join(tools, 'xdg-open'), opener, { mode: 0o700 })
    await using child = startExample(
      'quick-start/main.ts',
      ['--mqtt', '0', '--http', '0', '--coap', '0', '--data', join(directory, 'browsed'), '--open-browser'],
      { cwd: directory, env: { PATH: `${tools}:${process.env.PATH}` } },
    )
    const address = (await child.lineWith(/#token=/)).trim()
    const opened = await vi.waitFor(() => readFile(join(directory, 'opened'), 'utf8'), { timeout: 20_000 })
    expect(opened).not.toContain('token')
    const file = fileURLToPath(opened)
    expect(await readFile(file, 'utf8')).toContain(`url=${address}"`)
    expect((await stat(file)).mode & 0o777).toBe(0o600)
    await interrupted(child)
    await expect(stat(file)).rejects.toMatchObject({ code: 'ENOENT' })
  })

  it('goes on where there is none', async () => {
    await using child = startExample(
      'quick-start/main.ts',
      ['--mqtt', '0', '--http', '0', '--coap', '0', '--data', join(directory, 'browsed'), '--open-browser'],
      { cwd: directory, env: { PATH: directory } },
    )
    await child.lineWith(/Ctrl-C/)
    await interrupted(child)
  })
})

describe('the quick start, where it cannot run', () => {
  it.each(['--mqtt', '--http', '--coap'])(
    'names the port that is taken and the flag %s that changes it',
    async flag => {
      const holder = flag === '--coap' ? createSocket('udp4') : createServer()
      await new Promise<void>(resolve => {
        if (holder instanceof Socket) holder.bind(0, '127.0.0.1', resolve)
        else holder.listen(0, '127.0.0.1', resolve)
      })
      const { port } = holder.address() as { port: number }
      try {
        const ports = ['--mqtt', '0', '--http', '0', '--coap', '0', flag, String(port)]
        await using child = quickStart(...ports, '--data', join(directory, 'other'))
        expect(await child.exited()).toEqual({ code: 1, signal: null })
        expect(child.err()).toMatch(new RegExp(`^port ${port} is taken: choose another with ${flag} PORT.*\n$`))
      } finally {
        await new Promise<void>(resolve => holder.close(() => resolve()))
      }
    },
  )

  it('refuses flags that it does not know', async () => {
    await using child = quickStart('--frob')
    expect(await child.exited()).toEqual({ code: 1, signal: null })
    expect(child.err()).toMatch(/--frob/)
  })
})
