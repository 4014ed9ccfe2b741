import { toWire } from '@thingmesh/core/testing'
import { describe, expect, it } from 'vitest'
import { textOf } from '../support/hub.ts'
import { hexOf, type Line, startSite, wireOf } from './site.ts'

/** The notation of vectors; `..` is a byte of the hub's own choice. */
const patternOf = (notation: string) =>
  new RegExp(
    `^${notation
      .split(/('[^']*'|\s+)/)
      .map(part => (part.startsWith('..') ? '(?:[0-9a-f]{2})'.repeat(part.length / 2) : hexOf(toWire(part))))
      .join('')}$`,
  )

/** Sends, where there is something to send, and gives the answer, which has to be as it is written. */
async function exchange(line: Line, sent: string, answer: string): Promise<string> {
  if (sent !== '') line.send(hexOf(toWire(sent)))
  const told = await line.next()
  expect(told).toMatch(patternOf(answer))
  return told
}

const messageIdOf = (hex: string) => hex.slice(4, 8)
const room1 = "51 'c' 09 'telemetry' 05 'room1' 4d 02 'auth=golden-key'"
const firmware = "b1 'c' 09 'telemetry' 08 'firmware' 4d 02 'auth=golden-key'"
const body = Array.from({ length: 1_500 }, (_, i) => i % 10).join('')

/*
 * Whole exchanges as aiocoap, a client in Python, has them, and as no client of ours does: tokens of two bytes, an observation that is not
 * taken back but answered with a reset, and bodies in blocks with Size1 and without a Request-Tag, each block under a token of its own.
 */
describe('a client in the style of aiocoap', () => {
  it('observes, and ends it by a reset', async () => {
    const site = await startSite()
    const [line, publisher] = [await site.coap(), await site.coap()]
    const publish = (messageId: string) =>
      publisher.send(wireOf('coap/publish').replace(/^41020001/, `4102${messageId}`))
    await exchange(line, `42 01 12 34 a1 b2 60 ${room1}`, '62 45 12 34 a1 b2 61 01')
    publish('0001')
    const notification = '42 45 .... a1 b2 48 ................ 21 02 61 32 21 3c ff \'{"t":1}\''
    const first = await exchange(line, '', notification)
    line.send(`6000${messageIdOf(first)}`)
    publish('0002')
    const second = await exchange(line, '', notification.replace('21 02', '21 03'))
    line.send(`7000${messageIdOf(second)}`)
    // A ping, for what is dealt with after the reset.
    await exchange(line, '40 00 12 35', '70 00 12 35')
    publish('0003')
    await exchange(publisher, '', '.. 44 00 01 7f')
    await exchange(publisher, '', '.. 44 00 02 7f')
    await exchange(publisher, '', '.. 44 00 03 7f')
    await exchange(line, '40 00 12 36', '70 00 12 36')
  })

  it('sends a body in blocks, and fetches it in blocks', async () => {
    const site = await startSite()
    const line = await site.coap()
    const [head, tail] = [body.slice(0, 1_024), body.slice(1_024)]
    await exchange(line, `42 03 12 40 a1 b3 ${firmware} c1 0e d2 14 05 dc ff '${head}'`, '62 5f 12 40 a1 b3 d1 0e 0e')
    await exchange(line, `42 03 12 41 a1 b4 ${firmware} c1 16 ff '${tail}'`, '62 44 12 41 a1 b4 d1 0e 16')
    const { messages } = await site.reader.read({ filter: 'telemetry/#', limit: 10 })
    expect(messages.map(textOf)).toEqual([body])
    const tagged = '48 ................ d1 06'
    await exchange(line, `42 01 12 42 a1 b5 ${firmware}`, `62 45 12 42 a1 b5 ${tagged} 0e 52 05 dc ff '${head}'`)
    await exchange(line, `42 01 12 43 a1 b6 ${firmware} 81 16`, `62 45 12 43 a1 b6 ${tagged} 16 ff '${tail}'`)
  })
})
