import { type Message, type ThingmeshError, toPayloadText } from '@thingmesh/core'
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
    // A device that may only publish has come to do that.
    if (result.error.code !== 'permission-denied' || !this.#mayPublish()) throw result.error
  }

  received({ bytes, isText }: Frame): void {
    const draft = {
      topic: this.#topic,
      payload: bytes,
      contentType: '',
      delivery: this.#target.delivery,
      retain: false,
      properties: isText ? { utf8: true } : undefined,
    }
    this.#line.publish(draft, error => {
      if (error !== undefined) this.#line.fail(error)
    })
  }

  /** Of the path; a filter, where that is a pattern. */
  get #topic(): string {
    const { channel, subtopic } = this.#target
    return subtopic === undefined ? channel : `${channel}/${subtopic}`
  }

  #mayPublish(): boolean {
    try {
      this.#line.session.checkPublish(this.#topic)
      return true
    } catch {
      return false
    }
  }

  encode(message: Message): Frame {
    return toPlainFrame(message)
  }

  /** Who may only publish from now on can come back to do that. */
  revoke(_filters: readonly string[], reason: ThingmeshError): never {
    throw reason
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
