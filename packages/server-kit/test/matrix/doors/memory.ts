import { type Message, messageId, type ThingmeshError } from '@thingmesh/core'
import type { MemoryListener } from '@thingmesh/server-kit/memory'
import type { Door, Heard } from '../door.ts'

export function memoryDoor(listener: MemoryListener): Door {
  return {
    name: 'within the process',
    protocol: 'memory',
    says: ['contentType', 'expiresInSeconds'],
    acks: 'id',
    tells: ['topic', 'contentType', 'expiresInSeconds', 'publisher', 'id'],
    async open({ key }) {
      const connection = await listener.connect({ credential: { kind: 'key', secret: key } })
      const heard: Heard[] = []
      const told: string[] = []
      const hear = async () => {
        for await (const message of connection) heard.push(toHeard(message))
      }
      void hear().catch(({ code, message }: ThingmeshError) => told.push(`${code} ${message}`))
      return {
        heard,
        told,
        publish: async ({ topic, payload, contentType, expiresInSeconds }) =>
          (await connection.publish(topic, payload, { contentType, properties: { expiresInSeconds } })).id,
        listen: channel =>
          connection.subscribe(`${channel}/#`).then(
            () => true,
            () => false,
          ),
        close: () => connection.close(),
      }
    },
  }
}

export function toHeard(message: Message): Heard {
  const { topic, payload, contentType, publisher, properties } = message
  const id = messageId(message.log, message.sequence)
  return { topic, payload, contentType, publisher, id, expiresInSeconds: properties?.expiresInSeconds }
}
