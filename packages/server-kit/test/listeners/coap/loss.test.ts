import { blockOption, type CoapMessage, Code, findOption, isNewer, OptionNumber } from '@thingmesh/core/coap'
import { expect, it } from 'vitest'
import { LossyNetwork } from '../../support/lossy-network.ts'
import { startSite } from './fixture.ts'
import { type Asked, observe, same, TestPeer, textOf, uintOf } from './peer.ts'

const losses = { dropped: 0.2, duplicated: 0.2, delayed: 0.2, delayMsMax: 30 }
/** Of the hub, so that a test does not take as long as a real network. */
const timing = { ackTimeoutMs: 60, retransmitMax: 12 }

it('over a network that loses, repeats and reorders a fifth, every confirmable publish is stored once', async () => {
  const site = await startSite({ listener: timing })
  const sensor = await site.thing('sensor')
  const network = await LossyNetwork.open(site.port, losses)
  const count = 40
  const writers = await Promise.all(
    Array.from({ length: 5 }, () => TestPeer.open(network.port, [`auth=${sensor.key}`])),
  )
  await Promise.all(
    writers.map(async (writer, w) => {
      for (let i = 0; i < count; i++) {
        const asked = {
          code: Code.post,
          path: `/c/telemetry/${w}`,
          payload: `${i}`,
          messageId: i,
          token: Uint8Array.of(i),
        }
        await repeated(writer, () => writer.tell(asked), asked.token)
      }
      writer.close()
    }),
  )
  expect(network.dropped).toBeGreaterThan(50)
  expect(site.counter('coap_duplicates_total')).toBeGreaterThan(50)
  const reader = await site.witness(sensor)
  for (let w = 0; w < writers.length; w++) {
    const { messages } = await reader.read({ filter: `telemetry/${w}`, limit: 1_000 })
    expect(messages.map(textOf)).toEqual(Array.from({ length: count }, (_, i) => `${i}`))
  }
})

it('over the same network every message reaches an observer, in order by what it is told of the order', async () => {
  const site = await startSite({ listener: timing })
  const sensor = await site.thing('sensor')
  const writer = await site.witness(await site.thing('writer'))
  const network = await LossyNetwork.open(site.port, losses, 7)
  const peer = await TestPeer.open(network.port, [`auth=${sensor.key}`])
  const token = Uint8Array.of(0xab)
  const register = () => peer.tell({ path: '/c/telemetry/a', token, options: [observe(0)], messageId: 1 })
  const first = await repeated(peer, register, token)
  let newest = { sequence: uintOf(first, OptionNumber.observe)!, receivedAtMs: performance.now() }
  const count = 60
  for (let i = 0; i < count; i++) await writer.publish('telemetry/a', `${i}`)
  const seen: string[] = []
  while (seen.length < count) {
    const notification = await peer.notification(token)
    // A late copy of the registration's answer has no value in it.
    if (textOf(notification) === '') continue
    const told = { sequence: uintOf(notification, OptionNumber.observe)!, receivedAtMs: performance.now() }
    if (!isNewer(newest, told)) continue
    newest = told
    seen.push(textOf(notification))
  }
  expect(seen).toEqual(Array.from({ length: count }, (_, i) => `${i}`))
  expect(site.counter('coap_observers')).toBe(1)
  peer.close()
})

it('over the same network a body in blocks is one message, and its value is read in blocks', async () => {
  const site = await startSite({ listener: timing })
  const sensor = await site.thing('sensor')
  const network = await LossyNetwork.open(site.port, losses, 11)
  const peer = await TestPeer.open(network.port, [`auth=${sensor.key}`])
  const text = Array.from({ length: 1_024 }, (_, i) => `${i}`.padStart(8, '.')).join('')
  let messageId = 0
  const exchange = async (asked: Asked): Promise<CoapMessage> => {
    messageId += 1
    const whole = { path: '/c/telemetry/large', ...asked, messageId, token: Uint8Array.of(messageId) }
    const response = await repeated(peer, () => peer.tell(whole), whole.token)
    // What is longer than three times the question is told to who shows that he hears it (RFC 9175, section 2.4).
    const value = findOption(response.options, OptionNumber.echo)
    if (value === undefined) return response
    return exchange({ ...asked, options: [...(asked.options ?? []), { number: OptionNumber.echo, value }] })
  }
  for (let number = 0; number < 8; number++) {
    const options = [blockOption(OptionNumber.block1, { number, more: number < 7, sizeExponent: 6 })]
    const payload = text.slice(number * 1_024, (number + 1) * 1_024)
    const { code } = await exchange({ code: Code.put, payload, options })
    expect(code).toBe(number < 7 ? Code.continue : Code.changed)
  }
  let got = ''
  for (let number = 0; number < 8; number++) {
    const options = [blockOption(OptionNumber.block2, { number, more: false, sizeExponent: 6 })]
    got += textOf(await exchange({ options }))
  }
  expect(got).toBe(text)
  const { messages } = await (await site.witness(sensor)).read({ filter: 'telemetry/large', limit: 10 })
  expect(messages.length).toBe(1)
  peer.close()
})

/** Sends again until it is answered, as RFC 7252, section 4.2, has it, if faster. */
async function repeated(peer: TestPeer, send: () => unknown, token: Uint8Array) {
  send()
  const again = setInterval(send, 60)
  try {
    return await peer.take(message => {
      if (message.type === 'confirmable' && message.code !== Code.empty) peer.acknowledge(message)
      return message.code !== Code.empty && same(message.token, token)
    })
  } finally {
    clearInterval(again)
  }
}
