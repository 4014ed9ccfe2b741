import { createSocket } from 'node:dgram'
import {
  type CoapMessage,
  Code,
  decodeMessage,
  encodeMessage,
  noBytes,
  OptionNumber,
  stringOption,
} from '@thingmesh/core/coap'
import { describe, expect, it, onTestFinished, vi } from 'vitest'
import { startSite } from './fixture.ts'

/** Those of RFC 7252, section 12.8, and the group that every host is in (RFC 1112, section 4). */
const allCoapNodes = '224.0.1.187'
const allHosts = '224.0.0.1'

const links = ['.well-known', 'core'].map(level => stringOption(OptionNumber.uriPath, level))

function request(id: number, options = links): Uint8Array {
  const type = 'non-confirmable'
  return encodeMessage({ type, code: Code.get, messageId: id, token: Uint8Array.of(id), options, payload: noBytes })
}

const lastId = 9

interface Heard {
  readonly from: string
  readonly bytes: number
  readonly message: CoapMessage
}

/** All that comes back for what was sent there, in order, up to the answer to a request that came alone after it. */
async function heardFor(host: string, to: string, datagrams: readonly Uint8Array[]): Promise<readonly Heard[]> {
  const site = await startSite({ listener: { host } })
  const socket = createSocket('udp4')
  onTestFinished(() => void socket.close())
  await new Promise<void>(resolve => socket.bind(0, '127.0.0.1', resolve))
  socket.setMulticastInterface('127.0.0.1')
  const heard: Heard[] = []
  socket.on('message', (datagram, { address }) => {
    heard.push({ from: address, bytes: datagram.length, message: decodeMessage(new Uint8Array(datagram)) })
  })
  for (const datagram of datagrams) socket.send(datagram, site.port, to)
  const isLast = ({ message }: Heard) => message.token[0] === lastId
  // One socket of the hub hears both, the multicast first.
  socket.send(request(lastId), site.port, '127.0.0.1')
  await vi.waitFor(() => expect(heard.some(isLast)).toBe(true))
  return heard.filter(one => !isLast(one))
}

describe('multicast', () => {
  it('is not heard: the hub joins no group', async () => {
    expect(await heardFor('0.0.0.0', allCoapNodes, [request(1)])).toEqual([])
  })

  it('of a group that the host is in anyhow is not heard where the hub has an address of its own', async () => {
    expect(await heardFor('127.0.0.1', allHosts, [request(1)])).toEqual([])
  })

  it('of such a group is heard on every address, and answered as what came alone: without a reset, and with little', async () => {
    const malformed = Uint8Array.of(0x50, Code.get, 0, 2, 0xff)
    const answerToNothing = encodeMessage({
      type: 'non-confirmable',
      ...{ code: Code.content, messageId: 4, token: Uint8Array.of(4), options: [], payload: noBytes },
    })
    const critical = request(3, [{ number: 9, value: noBytes }])
    const ask = request(1)
    const heard = await heardFor('0.0.0.0', allHosts, [malformed, critical, answerToNothing, ask])
    expect(heard).toMatchObject([
      { from: '127.0.0.1', message: { type: 'non-confirmable', code: Code.content, token: Uint8Array.of(1) } },
    ])
    expect(heard[0]!.bytes).toBeLessThanOrEqual(3 * ask.length)
  })
})
