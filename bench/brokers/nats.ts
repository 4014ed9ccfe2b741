import { spawnSync } from 'node:child_process'
import { writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { BENCH_TOPICS, type Broker } from './contract.ts'
import { freePort, listening } from './processes.ts'

/** nats-server with its MQTT listener: QoS 0 over core NATS, QoS 1 through JetStream's file store (not synced); no QoS 2. */
export function nats(): Broker {
  return {
    name: 'nats',
    profiles: qos => (qos === 2 ? [] : [qos === 0 ? 'memory' : 'file unsynced']),
    isSynced: () => false,
    version: async () => {
      const said = spawnSync('nats-server', ['--version'], { encoding: 'utf8' })
      if (said.error) return { missing: 'no `nats-server` on the PATH' }
      return { version: /v(\d\S*)/.exec(said.stdout)?.[1] ?? 'unknown' }
    },
    start: async ({ processes, dataDir, core }) => {
      const [clientPort, port] = [await freePort(), await freePort()]
      const config = join(dataDir, 'nats.conf')
      writeFileSync(
        config,
        [
          'server_name: bench',
          `listen: "127.0.0.1:${clientPort}"`,
          `jetstream { store_dir: ${JSON.stringify(join(dataDir, 'jetstream'))} }`,
          // As many deliveries un-acknowledged as Mosquitto is given; the default is 100.
          `mqtt { listen: "127.0.0.1:${port}", max_ack_pending: 1000 }`,
          '',
        ].join('\n'),
      )
      const running = processes.start(core, ['nats-server', '-c', config])
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
