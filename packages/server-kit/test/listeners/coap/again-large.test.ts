import { setFlagsFromString } from 'node:v8'
import { runInNewContext } from 'node:vm'
import { blockOption, Code, OptionNumber, parseBlock } from '@thingmesh/core/coap'
import { describe, expect, it } from 'vitest'
import { take } from '../../support/hub.ts'
import { startSite } from './fixture.ts'
import { type TestPeer, textOf } from './peer.ts'

/*
 * A value that goes in one block is kept with the request that it was told to, and a larger one is not. Nobody may see a
 * difference, and no memory may be taken by what is larger.
 */

const path = '/c/telemetry/a'

/** The value, put together from as many blocks as it takes, and how many those were. */
async function read(peer: TestPeer): Promise<{ readonly text: string; readonly blocks: number }> {
  let text = ''
  for (let number = 0; ; number++) {
    // The first one is asked for in the same words each time.
    const options = number === 0 ? [] : [blockOption(OptionNumber.block2, { number, more: false, sizeExponent: 6 })]
    const answer = await peer.ask({ path, options })
    expect(answer.code).toBe(Code.content)
    text += textOf(answer)
    const block = answer.options.find(option => option.number === OptionNumber.block2)
    if (block === undefined || parseBlock(block.value)?.more !== true) return { text, blocks: number + 1 }
  }
}

describe('a last value around the size of a block, read again in the same words', () => {
  it.each([
    [1_024, 1],
    [1_025, 2],
    [5_000, 5],
  ])('of %i bytes is the last one each time, in %i blocks, as it changes and as it does not', async (size, blocks) => {
    const site = await startSite({ listener: { addressProof: 'none' } })
    const sensor = await site.thing('sensor')
    const [peer, other] = [await site.peer(sensor), await site.peer(sensor)]
    const writer = await site.witness(sensor)
    // The first two are as long as each other: only what they say tells them apart.
    for (const value of ['a'.repeat(size), 'b'.repeat(size), 'small', 'c'.repeat(size)]) {
      await writer.publish('telemetry/a', value, { retain: true })
      const expected = { text: value, blocks: value === 'small' ? 1 : blocks }
      for (let i = 0; i < 3; i++) {
        expect(await read(peer)).toEqual(expected)
        expect(await read(other)).toEqual(expected)
      }
    }
    await peer.ask({ code: Code.delete, path })
    for (let i = 0; i < 2; i++) expect(await peer.codeOf({ path })).toBe('4.04')
  })

  it('is not kept where it is larger, however many are asked for', async () => {
    // What else keeps values is as good as off, and has tests of its own.
    const site = await startSite({
      limits: { lastValuesBytesMax: 65_536 },
      listener: { addressProof: 'none', transfersBytesMax: 1_000 },
    })
    const sensor = await site.thing('sensor')
    const writer = await site.witness(sensor)
    const paths = Array.from({ length: 256 }, (_, i) => `telemetry/${i}`)
    for (const topic of paths) await writer.publish(topic, 'x'.repeat(32_768), { retain: true })
    await take(writer, paths.length)
    const peer = await site.peer(sensor)
    const before = keptBytes()
    for (const topic of paths) {
      for (let i = 0; i < 3; i++) expect(textOf(await peer.ask({ path: `/c/${topic}` })).length).toBe(1_024)
    }
    // All of them are 8 MiB; the answers, remembered in case one is asked for again, are one.
    expect(keptBytes() - before).toBeLessThan(4_194_304)
  })
})

/** Of payloads and other bytes that something still refers to. */
function keptBytes(): number {
  setFlagsFromString('--expose-gc')
  const collect = runInNewContext('gc') as () => void
  collect()
  return process.memoryUsage().arrayBuffers
}
