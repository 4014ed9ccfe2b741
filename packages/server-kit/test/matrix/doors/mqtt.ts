import mqtt from 'mqtt'
import type { Door, Heard } from '../door.ts'

export function mqttDoor(name: string, url: string, protocolVersion: 4 | 5): Door {
  const isFive = protocolVersion === 5
  return {
    name,
    protocol: 'mqtt',
    says: isFive ? ['contentType', 'expiresInSeconds'] : [],
    acks: 'ack',
    tells: isFive ? ['topic', 'contentType', 'expiresInSeconds'] : ['topic'],
    async open({ thing, key }) {
      const options = { username: thing, password: key, protocolVersion, reconnectPeriod: 0 }
      const client = await mqtt.connectAsync(url, options, false)
      const heard: Heard[] = []
      const told: string[] = []
      client.on('disconnect', ({ reasonCode, properties }) => told.push(`${reasonCode} ${properties?.reasonString}`))
      client.on('close', () => told.push('closed'))
      // MQTT 3.1.1 has no other way to refuse a publish.
      const closed = new Promise<never>((_resolve, reject) => client.on('close', () => reject(new Error('closed'))))
      closed.catch(() => undefined)
      client.on('message', (topic, payload, { properties }) => {
        const { contentType, messageExpiryInterval: expiresInSeconds } = properties ?? {}
        heard.push({ topic, payload: new Uint8Array(payload), contentType, expiresInSeconds })
      })
      return {
        heard,
        told,
        async publish({ topic, payload, contentType, expiresInSeconds }) {
          const properties = { contentType, messageExpiryInterval: expiresInSeconds }
          const publishing = client.publishAsync(topic, Buffer.from(payload), {
            qos: 1,
            ...(isFive && { properties }),
          })
          publishing.catch(() => undefined)
          await Promise.race([publishing, closed])
          return undefined
        },
        listen: channel =>
          Promise.race([client.subscribeAsync(`${channel}/#`, { qos: 1 }), closed]).then(
            () => true,
            () => false,
          ),
        close: () => client.endAsync(true),
      }
    },
  }
}
