import { spawnSync } from 'node:child_process'
import { writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { BENCH_TOPICS, type Broker } from './contract.ts'
import { freePort, listening } from './processes.ts'

/** Eclipse Mosquitto at its best: no log, no persistence, no queue bound, no Nagle. */
export function mosquitto(): Broker {
  return {
    name: 'mosquitto',
    profiles: () => ['memory'],
    isSynced: () => false,
    version: async () => {
      const said = spawnSync('mosquitto', ['-h'], { encoding: 'utf8' })
      if (said.error) return { missing: 'no `mosquitto` on the PATH' }
      return { version: /version (\S+)/.exec(said.stdout)?.[1] ?? 'unknown' }
    },
    start: async ({ processes, dataDir, core }) => {
      const port = await freePort()
      const config = join(dataDir, 'mosquitto.conf')
      const settings = [
        `listener ${port} 127.0.0.1`,
        'allow_anonymous true',
        'persistence false',
        // No bound on what waits for a session, in messages (0) or bytes (its default).
        'max_queued_messages 0',
        // The default of 20 makes QoS 1 and 2 wait for the subscriber's round trip.
        'max_inflight_messages 1000',
        'sys_interval 0',
        'set_tcp_nodelay true',
        'log_dest none',
        'log_type none',
      ]
      // Started as root it would drop to a user that may not be able to read its own data directory.
      if (process.getuid?.() === 0) settings.push('user root')
      writeFileSync(config, `${settings.join('\n')}\n`)
      const running = processes.start(core, ['mosquitto', '-c', config])
      await listening(running, port, 10_000)
      return {
        ...BENCH_TOPICS,
        pid: running.pid,
        host: '127.0.0.1',
        port,
        credentials: () => ({}),
        collectsGarbage: false,
        death: running.death,
        stop: running.stop,
      }
    },
  }
}
