import { connect, type MqttClient } from 'mqtt'
import type { Device } from './devices.ts'

export interface Simulation {
  /** Readings that the hub has acknowledged, which it does when it has them on disk. */
  readonly acknowledged: number
  /** Settles when the hub has acknowledged a first reading of the device. Rejects where it refuses. */
  readonly started: Promise<void>
  stop(): Promise<void>
}

/** Publishes a device's readings over MQTT 5, QoS 1, the way that a real device would. */
export function simulate(device: Device, key: string, channel: string, port: number): Simulation {
  const client = connect({
    host: '127.0.0.1',
    port,
    protocol: 'mqtt',
    protocolVersion: 5,
    clientId: device.name,
    username: device.name,
    password: key,
    reconnectPeriod: 1000,
  })
  let acknowledged = 0
  const publish = async (): Promise<void> => {
    await client.publishAsync(`${channel}/${device.subtopic}`, JSON.stringify(device.read(new Date())), {
      qos: 1,
      properties: { contentType: 'application/json', payloadFormatIndicator: true },
    })
    acknowledged++
  }
  const started = firstConnect(client).then(publish)
  let timer: NodeJS.Timeout | undefined
  started.then(
    () => {
      // A reading that cannot be sent now is worth nothing later: the next one comes soon.
      timer = setInterval(() => client.connected && publish().catch(() => {}), device.everyMs)
    },
    () => client.end(true),
  )
  return {
    get acknowledged() {
      return acknowledged
    },
    started,
    async stop() {
      clearInterval(timer)
      await client.endAsync()
    },
  }
}

function firstConnect(client: MqttClient): Promise<void> {
  return new Promise((resolve, reject) => {
    client.once('connect', () => resolve())
    client.once('error', reject)
    // Afterwards the client reconnects by itself; an error without a listener would end the process.
    client.on('error', () => {})
  })
}
