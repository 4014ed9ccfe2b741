/** What one publishing process is told, as JSON in its first argument. */
export interface PublishJob {
  /**
   * `thingmesh-memory`: our client with its outbox in memory, which is as much as MQTT.js has. `mqttjs-keyed`: MQTT.js in a program that
   * gives each message an idempotency key, which is what it takes to be stored once. `mqttjs-wide`: MQTT.js in one that asks the hub for
   * a larger Receive Maximum, as our client does, and counts what is under way.
   */
  readonly client: 'thingmesh' | 'thingmesh-memory' | 'mqttjs' | 'mqttjs-keyed' | 'mqttjs-wide'
  readonly host: string
  readonly port: number
  readonly username: string
  readonly password: string
  readonly topic: string
  readonly payloadBytes: number
  /** Publishes that are not acknowledged yet, at most. */
  readonly window: number
  readonly warmupSeconds: number
  readonly seconds: number
  /** For the outbox. */
  readonly directory: string
}

/** What it answers, as one line of JSON. */
export interface PublishResult {
  /** Acknowledged by the hub in the measured time. */
  readonly messages: number
  /** With those of the warm-up. */
  readonly messagesInAll: number
  readonly seconds: number
  /** Of the whole process in that time, all threads. */
  readonly cpuSeconds: number
}

export type CodecName = 'thingmesh' | 'mqtt-packet'
export const codecTasks = ['generate PUBLISH', 'generate PUBACK', 'parse PUBLISH', 'parse PUBACK'] as const
export type CodecTask = (typeof codecTasks)[number]

/** Nanoseconds of CPU for one packet. */
export type CodecReading = Readonly<Record<CodecTask, Readonly<Record<CodecName, number>>>>
