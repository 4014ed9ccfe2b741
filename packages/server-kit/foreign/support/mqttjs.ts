import { connect, type IClientOptions, type IConnackPacket, type IPublishPacket, type MqttClient } from 'mqtt'
import type { HubProcess } from './hub.ts'
import type { Thing } from './provision.ts'
import type { Site } from './site.ts'
import { until } from './until.ts'

/** MQTT.js, and what it was given. It does not come back by itself, unless it is told to (`reconnectPeriod`). */
export class JsClient {
  readonly mqtt: MqttClient
  readonly connack: IConnackPacket
  /** PUBLISH packets that its application was given, and has not taken here. */
  readonly inbox: IPublishPacket[]

  private constructor(mqtt: MqttClient, connack: IConnackPacket, inbox: IPublishPacket[]) {
    this.mqtt = mqtt
    this.connack = connack
    this.inbox = inbox
  }

  /** Rejects where it is refused. */
  static async connect(site: Site, hub: HubProcess, thing: Thing, options: IClientOptions = {}): Promise<JsClient> {
    const mqtt = connect({
      host: hub.host,
      port: hub.mqttPort,
      protocol: 'mqtt',
      protocolVersion: 5,
      reconnectPeriod: 0,
      connectTimeout: 20_000,
      username: thing.name,
      password: thing.secret,
      ...options,
    })
    site.cleanup(async () => {
      mqtt.end(true)
    })
    const inbox: IPublishPacket[] = []
    // From the first packet on: a session may have something to say right behind CONNACK.
    mqtt.on('message', (topic, _payload, packet) => {
      // In words, also where the packet had an alias for it.
      inbox.push({ ...packet, topic })
    })
    const connack = await new Promise<IConnackPacket>((resolve, reject) => {
      mqtt.once('connect', resolve)
      mqtt.once('error', reject)
    })
    mqtt.on('error', () => {})
    return new JsClient(mqtt, connack, inbox)
  }

  async take(count: number): Promise<IPublishPacket[]> {
    await until(() => this.inbox.length >= count, `${count} messages for MQTT.js, there are ${this.inbox.length}`)
    return this.inbox.splice(0, count)
  }

  async texts(count: number): Promise<string[]> {
    return (await this.take(count)).map(textOf)
  }

  /** Nothing has come but what was taken: a message of its own that it waits for is behind everything else. */
  async quiet(topic: string): Promise<IPublishPacket[]> {
    await this.mqtt.publishAsync(topic, 'marker', { qos: 1 })
    const isMarker = (packet: IPublishPacket) => packet.topic === topic
    await until(() => this.inbox.some(isMarker), 'the marker')
    return this.inbox.splice(0).filter(packet => !isMarker(packet))
  }

  /** Its connection is gone without a word. */
  async cut(): Promise<void> {
    const closed = new Promise<void>(resolve => this.mqtt.once('close', () => resolve()))
    this.mqtt.stream.destroy()
    await closed
  }
}

export function textOf({ payload }: IPublishPacket): string {
  return payload.toString()
}
