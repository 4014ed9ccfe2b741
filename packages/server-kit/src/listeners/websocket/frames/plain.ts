import { type Message, toPayloadText } from '@thingmesh/core'
import { byteTexts } from './byte-texts.ts'
import type { Frame } from './format.ts'
import { sendPages } from './log-follower.ts'
import type { Line, Speech } from './speech.ts'
import type { Target } from './target.ts'

/** Payload in, payload out. What goes wrong ends the connection: there is no other way to say so. */
export class PlainSpeech implements Speech {
  readonly #line: Line
  readonly #target: Target

  constructor(line: Line, target: Target) {
    this.#line = line
    this.#target = target
  }

  async begin(): Promise<void> {
    const { channel, subtopic = '#', after, delivery } = this.#target
    const filter = `${channel}/${subtopic}`
    const { session, ended } = this.#line
    if (after !== undefined) {
      const pages = session.follow({ filter, after: after === 'now' ? undefined : after, signal: ended })
      sendPages(pages, this.#line, toPlainFrame, ended).catch(error => this.#line.fail(error))
      return
    }
    const [result] = await session.subscribe([{ filter, delivery }])
    if (result === undefined || result.ok) return
    // A device that may only publish has come to do that. Whether it may just here is told by its first frame.
    const isTopic = !/[+#]/.test(this.#target.subtopic ?? '')
    const mayPublish = session.channels().some(({ name, actions }) => name === channel && actions.includes('publish'))
    if (result.error.code !== 'permission-denied' || !isTopic || !mayPublish) throw result.error
  }

  received({ bytes, isText }: Frame): void {
    const { channel, subtopic, delivery } = this.#target
    const draft = {
      topic: subtopic === undefined ? channel : `${channel}/${subtopic}`,
      payload: bytes,
      contentType: '',
      delivery,
      retain: false,
      properties: isText ? { utf8: true } : undefined,
    }
    this.#line.publish(draft, error => {
      if (error !== undefined) this.#line.fail(error)
    })
  }

  encode(message: Message): Frame {
    return toPlainFrame(message)
  }

  lastWords(): undefined {
    return undefined
  }
}

/** The bytes are a copy: the message's own may be part of what is read into next. */
function toPlainFrame(message: Message): Frame {
  return {
    bytes: Uint8Array.from(message.payload),
    isText: toPayloadText(message, byteTexts.toText) !== undefined,
  }
}
