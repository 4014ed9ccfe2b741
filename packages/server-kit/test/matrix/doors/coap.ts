import {
  type CoapBody,
  type CoapOption,
  Code,
  codeText,
  findStrings,
  findUint,
  fromContentFormat,
  OptionNumber,
  parseMessagePath,
  toContentFormat,
  uintOption,
} from '@thingmesh/core/coap'
import { observe, TestPeer } from '../../listeners/coap/peer.ts'
import { dialTcp, dialWebSocket, openReliable, type ReliablePeer } from '../../listeners/coap/reliable-peer.ts'
import type { Door, Heard, Said, Who } from '../door.ts'

/** What the transports have in common. */
interface Peer {
  ask(asked: {
    code?: number
    path: string
    token?: Uint8Array
    options?: readonly CoapOption[]
    payload?: Uint8Array
  }): Promise<CoapBody>
  /** Waits, and fails after a while. */
  notification(token: Uint8Array): Promise<CoapBody>
  close(): void
}

export const coapUdpDoor = (port: number): Door =>
  coapDoor('CoAP over UDP', ({ key }) => TestPeer.open(port, [`auth=${key}`]))

export const coapTcpDoor = (port: number): Door => coapDoor('CoAP over TCP', ({ key }) => reliable(dialTcp(port, key)))

export const coapWebSocketDoor = (port: number): Door =>
  coapDoor('CoAP over WebSocket', ({ key }) => reliable(dialWebSocket(port, key)))

async function reliable(dialled: Promise<ReliablePeer>): Promise<Peer> {
  const peer = await openReliable(dialled)
  const closed = peer.closed.then(() => {
    throw new Error('closed')
  })
  closed.catch(() => undefined)
  return {
    ask(asked) {
      const answered = peer.ask(asked)
      answered.catch(() => undefined)
      return Promise.race([answered, closed])
    },
    notification: token => peer.notification(token),
    close: () => peer.carrier.destroy(),
  }
}

function coapDoor(name: string, connect: (who: Who) => Promise<Peer>): Door {
  return {
    name,
    protocol: 'coap',
    says: ['contentType', 'expiresInSeconds'],
    acks: 'ack',
    tells: ['topic', 'contentType', 'expiresInSeconds'],
    async open(who) {
      const peer = await connect(who)
      const heard: Heard[] = []
      const told: string[] = []
      let isOpen = true
      let observations = 0
      const hear = async (token: Uint8Array) => {
        while (isOpen) {
          const notification = await peer.notification(token).catch(() => undefined)
          if (notification === undefined) continue
          if (notification.code < Code.badRequest) heard.push(toHeard(notification))
          else told.push(`${codeText(notification.code)} ${new TextDecoder().decode(notification.payload)}`)
        }
      }
      return {
        heard,
        told,
        async publish(said) {
          const { code } = await peer.ask({ code: Code.post, ...toRequest(said) })
          if (code !== Code.changed) throw new Error(`refused with ${code}`)
          return undefined
        },
        async listen(channel) {
          observations += 1
          const token = Uint8Array.of(0xab, observations)
          const { code } = await peer.ask({ path: `/c/${channel}/#`, token, options: [observe(0)] })
          if (code !== Code.content) return false
          void hear(token)
          return true
        },
        close() {
          isOpen = false
          peer.close()
        },
      }
    },
  }
}

function toRequest({ topic, payload, contentType, expiresInSeconds }: Said) {
  const options = [
    uintOption(OptionNumber.contentFormat, toContentFormat(contentType)!),
    uintOption(OptionNumber.maxAge, expiresInSeconds),
  ]
  return { path: `/c/${topic}`, options, payload }
}

function toHeard({ payload, options }: CoapBody): Heard {
  const format = findUint(options, OptionNumber.contentFormat)
  return {
    payload,
    topic: parseMessagePath(findStrings(options, OptionNumber.locationPath)),
    contentType: format === undefined ? undefined : fromContentFormat(format),
    expiresInSeconds: findUint(options, OptionNumber.maxAge),
  }
}
