import { type ChildProcess, spawn } from 'node:child_process'
import { once } from 'node:events'
import { mkdtemp, rm, writeFile } from 'node:fs/promises'
import { connect, createServer } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { onTestFinished } from 'vitest'

export interface Mosquitto {
  readonly port: number
  stop(): Promise<void>
  /** Anew, at the same address. */
  start(): Promise<void>
}

/**
 * A broker that lets in `sensor` with the password `secret` and lets nobody near `secrets/#`. Where it is persistent it writes
 * what it has when it is stopped.
 */
export async function startMosquitto({ isPersistent = false } = {}): Promise<Mosquitto> {
  const directory = await mkdtemp(join(tmpdir(), 'thingmesh-mosquitto-'))
  const port = await freePort()
  const file = (name: string): string => join(directory, name)
  const settings = [
    `listener ${port} 127.0.0.1`,
    'allow_anonymous false',
    `password_file ${file('passwords')}`,
    `acl_file ${file('acl')}`,
    ...(isPersistent ? ['persistence true', `persistence_location ${directory}/`] : ['persistence false']),
    'set_tcp_nodelay true',
    'log_dest none',
  ]
  // Started as root it would drop to a user that may not read its own data directory.
  if (process.getuid?.() === 0) settings.push('user root')
  await writeFile(file('mosquitto.conf'), `${settings.join('\n')}\n`)
  await writeFile(file('acl'), 'user sensor\ntopic readwrite telemetry/#\n')
  await run('mosquitto_passwd', ['-b', '-c', file('passwords'), 'sensor', 'secret'])
  let running: ChildProcess | undefined
  const broker: Mosquitto = {
    port,
    async start() {
      running = spawn('mosquitto', ['-c', file('mosquitto.conf')], { stdio: 'ignore', env: pathOfRoot() })
      while (!(await accepts(port))) {
        if (running.exitCode !== null) throw new Error(`mosquitto ended with ${running.exitCode}`)
        await new Promise(resolve => setTimeout(resolve, 10))
      }
    },
    async stop() {
      if (running === undefined || running.exitCode !== null) return
      const gone = once(running, 'exit')
      running.kill('SIGTERM')
      await gone
    },
  }
  onTestFinished(async () => {
    await broker.stop()
    await rm(directory, { recursive: true, force: true })
  })
  await broker.start()
  return broker
}

/** Debian has the broker where only root looks. */
function pathOfRoot(): NodeJS.ProcessEnv {
  return { ...process.env, PATH: `${process.env.PATH}:/usr/sbin:/sbin` }
}

/** A tool of Mosquitto's, to its end: what it prints, line by line. */
export async function run(tool: string, args: readonly string[]): Promise<readonly string[]> {
  const child = spawn(tool, args, { stdio: ['ignore', 'pipe', 'ignore'] })
  let out = ''
  child.stdout.setEncoding('utf8').on('data', text => {
    out += text
  })
  const [code] = await once(child, 'close')
  if (code !== 0) throw new Error(`${tool} ended with ${code}`)
  return out.split('\n').filter(line => line !== '')
}

async function freePort(): Promise<number> {
  const server = createServer().listen(0, '127.0.0.1')
  await once(server, 'listening')
  const address = server.address()
  server.close()
  await once(server, 'close')
  return typeof address === 'object' && address !== null ? address.port : 0
}

function accepts(port: number): Promise<boolean> {
  return new Promise(resolve => {
    const socket = connect(port, '127.0.0.1')
    socket.once('connect', () => {
      socket.destroy()
      resolve(true)
    })
    socket.once('error', () => resolve(false))
  })
}
