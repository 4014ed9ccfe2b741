import { createSocket, type RemoteInfo } from 'node:dgram'
import { once } from 'node:events'
import {
  blockOption,
  type CoapMessage,
  type CoapOption,
  Code,
  decodeMessage,
  encodeMessage,
  findOption,
  noBytes,
  OptionNumber,
  parseBlock,
  uintOption,
} from '@thingmesh/core/coap'
import { Agent } from 'coap'
import { expect, it, onTestFinished } from 'vitest'

/*
 * Why this package does without node-coap: what node-coap 1.5.0 does with notifications, and with blocks over a network
 * that repeats. Where one of these fails after an update, that reason is gone.
 */

interface Server {
  readonly port: number
  readonly heard: CoapMessage[]
  /** To whoever observes. */
  notify(sequence: number, text: string, options?: readonly CoapOption[]): void
}

/** A server of one resource, as RFC 7641 and RFC 7959 have it: blocks after the first are answered without Observe. */
async function startServer(rest: string): Promise<Server> {
  const socket = createSocket('udp4')
  const heard: CoapMessage[] = []
  let observer: { readonly from: RemoteInfo; readonly token: Uint8Array } | undefined
  let messageId = 1
  const send = (message: Partial<CoapMessage> & Pick<CoapMessage, 'token'>, to: RemoteInfo): void => {
    const whole = {
      type: 'confirmable',
      code: Code.content,
      messageId: messageId++,
      options: [],
      payload: noBytes,
    } as const
    socket.send(encodeMessage({ ...whole, ...message }), to.port, to.address)
  }
  socket.on('message', (datagram, from) => {
    const message = decodeMessage(datagram)
    heard.push(message)
    if (message.code !== Code.get) return
    const { token, messageId } = message
    const block = findOption(message.options, OptionNumber.block2)
    if (block === undefined) {
      observer = { from, token }
      const options = [uintOption(OptionNumber.observe, 1)]
      send({ type: 'acknowledgement', messageId, token, options, payload: Buffer.from('first') }, from)
    } else {
      const options = [blockOption(OptionNumber.block2, { ...parseBlock(block), more: false })]
      send({ type: 'acknowledgement', messageId, token, options, payload: Buffer.from(rest) }, from)
    }
  })
  socket.bind(0, '127.0.0.1')
  await once(socket, 'listening')
  onTestFinished(() => void socket.close())
  return {
    port: socket.address().port,
    heard,
    notify(sequence, text, options = []) {
      const { token, from } = observer!
      const all = [uintOption(OptionNumber.observe, sequence), ...options]
      send({ token, options: all, payload: Buffer.from(text) }, from)
    },
  }
}

async function observe(server: Server): Promise<AsyncIterator<Buffer>> {
  const agent = new Agent()
  const request = agent.request({ host: '127.0.0.1', port: server.port, observe: true, pathname: '/a' })
  request.on('error', () => undefined)
  request.end()
  const [response] = await once(request, 'response')
  onTestFinished(() => response.close())
  return response[Symbol.asyncIterator]()
}

const textOf = ({ value }: IteratorResult<Buffer>): string => value.toString()

it('node-coap drops a notification that comes in blocks', async () => {
  const server = await startServer('-second half')
  const notifications = await observe(server)
  expect(textOf(await notifications.next())).toBe('first')
  server.notify(2, 'first half-16by', [blockOption(OptionNumber.block2, { number: 0, more: true, sizeExponent: 0 })])
  await expect.poll(() => server.heard.some(({ options }) => findOption(options, OptionNumber.block2))).toBe(true)
  server.notify(3, 'small')
  // What comes next should be the large one.
  expect(textOf(await notifications.next())).toBe('small')
})

it('node-coap acknowledges what nobody has taken', async () => {
  const server = await startServer('')
  const notifications = await observe(server)
  expect(textOf(await notifications.next())).toBe('first')
  for (let n = 2; n < 200; n++) server.notify(n, `${n}`)
  const acknowledged = () => server.heard.filter(({ type }) => type === 'acknowledgement').length
  await expect.poll(acknowledged).toBe(198)
})

it('node-coap takes the answer to an earlier block, that comes again, for the answer to the last one', async () => {
  const socket = createSocket('udp4')
  const blocks: number[] = []
  socket.on('message', (datagram, from) => {
    const { token, messageId, options } = decodeMessage(datagram)
    const value = findOption(options, OptionNumber.block1)!
    const { number, more } = parseBlock(value)
    blocks.push(number)
    // The network has lost the last block, and says the answer to the one before twice.
    if (!more) return
    const told = [{ number: OptionNumber.block1, value }]
    const answer = {
      type: 'acknowledgement',
      code: Code.continue,
      messageId,
      token,
      options: told,
      payload: noBytes,
    } as const
    for (let i = 0; i < 2; i++) socket.send(encodeMessage(answer), from.port, from.address)
  })
  socket.bind(0, '127.0.0.1')
  await once(socket, 'listening')
  onTestFinished(() => void socket.close())
  const agent = new Agent()
  const request = agent.request({ host: '127.0.0.1', port: socket.address().port, method: 'POST', pathname: '/a' })
  request.on('error', () => undefined)
  request.setOption('Block1', Buffer.of(5))
  request.end(Buffer.alloc(1_000))
  const [response] = await once(request, 'response')
  expect(response.code).toBe('2.31')
  await expect.poll(() => blocks).toEqual([0, 1])
})
