// Publishes as fast as its client goes, QoS 1, and counts what the hub has acknowledged. The first line on standard output is the result.
import { randomBytes } from 'node:crypto'
import { join } from 'node:path'
import { connect, fileOutbox } from '@thingmesh/client-node'
import { connect as connectMqttJs, type IClientPublishOptions, type IConnackPacket } from 'mqtt'
import type { PublishJob, PublishResult } from './job.ts'

const job = JSON.parse(process.argv[2] ?? '') as PublishJob
const isMqttJs = job.client.startsWith('mqttjs')
const payload = new Uint8Array(job.payloadBytes).fill(0x2e)

interface Publisher {
  /** Publishes that it may have un-acknowledged. */
  readonly window: number
  /** Calls back when the hub has it. */
  publish(acknowledged: (error?: unknown) => void): void
  close(): Promise<void>
}

async function openPublisher(): Promise<Publisher> {
  return isMqttJs ? openMqttJs() : openThingmesh()
}

async function openThingmesh(): Promise<Publisher> {
  const outbox = job.client === 'thingmesh' ? fileOutbox({ path: join(job.directory, 'outbox') }) : undefined
  const client = await connect(`mqtt://${job.host}:${job.port}`, { thing: job.username, key: job.password, outbox })
  const slash = job.topic.indexOf('/')
  const channel = client.channel(job.topic.slice(0, slash))
  const options = { subtopic: job.topic.slice(slash + 1) }
  return {
    window: job.window,
    publish: acknowledged => void channel.publish(payload, options).acked.then(() => acknowledged(), acknowledged),
    close: () => client.close(),
  }
}

async function openMqttJs(): Promise<Publisher> {
  const { host, port, username, password } = job
  const asks = job.client === 'mqttjs-wide'
  const properties = asks ? { userProperties: { 'server-receive-maximum': `${job.window}` } } : {}
  const options = { host, port, username, password, properties }
  const client = connectMqttJs({ protocol: 'mqtt', protocolVersion: 5, ...options })
  const connack = await new Promise<IConnackPacket>(resolve => client.once('connect', resolve))
  const body = Buffer.from(payload)
  const contentType = 'application/octet-stream'
  const plain = { qos: 1, properties: { contentType } } as const
  // As long as those of our client.
  const name = randomBytes(12).toString('hex')
  let count = 0
  const keyed = (): IClientPublishOptions => {
    const key = `${name}.${(++count).toString(36)}`
    return { qos: 1, properties: { contentType, userProperties: { 'idempotency-key': key } } }
  }
  return {
    // MQTT.js sends what it is given, and the hub ends a connection that has more under way than it was told.
    window: Math.min(job.window, connack.properties?.receiveMaximum ?? 64),
    publish: acknowledged =>
      void client.publish(job.topic, body, job.client === 'mqttjs-keyed' ? keyed() : plain, acknowledged),
    close: () => client.endAsync(),
  }
}

async function run(): Promise<PublishResult> {
  const publisher = await openPublisher()
  const startMs = performance.now() + job.warmupSeconds * 1_000
  const endMs = startMs + job.seconds * 1_000
  const failed = Promise.withResolvers<never>()
  let messages = 0
  let warmingUp = 0
  let beganMs = 0
  let cpu = process.cpuUsage()
  const measured = new Promise<PublishResult>(resolve => {
    let isOver = false
    const acknowledged = (error?: unknown): void => {
      if (error !== undefined && error !== null) failed.reject(error)
      if (isOver) return
      const nowMs = performance.now()
      if (beganMs === 0 && nowMs >= startMs) {
        beganMs = nowMs
        cpu = process.cpuUsage()
        warmingUp = messages
        messages = 0
      }
      messages += 1
      if (nowMs >= endMs) {
        isOver = true
        const { user, system } = process.cpuUsage(cpu)
        const cpuSeconds = (user + system) / 1e6
        resolve({ messages, messagesInAll: warmingUp + messages, seconds: (nowMs - beganMs) / 1_000, cpuSeconds })
        return
      }
      publisher.publish(acknowledged)
    }
    for (let i = 0; i < publisher.window; i++) publisher.publish(acknowledged)
  })
  const result = await Promise.race([measured, failed.promise])
  await publisher.close()
  return result
}

process.stdout.write(`${JSON.stringify(await run())}\n`)
