import type { Message } from '@thingmesh/core'
import type { ReadPage } from '../../../contracts/index.ts'
import type { Frame } from './format.ts'
import type { Line } from './speech.ts'

/** Sends the log as it grows, no faster than the peer takes it: what waits for it is one page. */
export async function sendPages(
  pages: AsyncIterable<ReadPage>,
  line: Line,
  toFrame: (message: Message) => Frame,
  ended: AbortSignal,
): Promise<void> {
  for await (const { messages } of pages) {
    for (const message of messages) {
      await line.room()
      if (ended.aborted) return
      line.send(toFrame(message))
    }
  }
}
