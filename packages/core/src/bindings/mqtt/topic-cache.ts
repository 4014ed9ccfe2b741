import { malformed } from './faults.ts'
import { checkTopicName } from './topic-name.ts'
import { decodeUtf8 } from './utf8.ts'

interface Slot {
  readonly bytes: Uint8Array
  readonly topic: string
}

// A power of two. 64 topics of 256 bytes bound what one connection can make us keep to some 30 KiB.
const slotCount = 64
const topicBytesMax = 256

/**
 * Turns the bytes of a topic name into a string, and remembers the last ones: publishers repeat few topics, and
 * comparing bytes costs a fraction of decoding, validating and allocating. Direct-mapped, so its size never changes.
 */
export class TopicCache {
  // Made with the first topic: most connections of a fan-out only ever read acknowledgements.
  #slots: (Slot | undefined)[] | undefined

  /** The valid topic name in `bytes[start, end)`; never called with an empty one. */
  read(bytes: Uint8Array, start: number, end: number): string {
    const length = end - start
    if (length > topicBytesMax) return decodeTopic(bytes, start, end)
    let hash = length
    for (let i = start; i < end; i++) hash = ((hash << 5) - hash + bytes[i]!) | 0
    const index = (hash ^ (hash >>> 12)) & (slotCount - 1)
    this.#slots ??= new Array<Slot | undefined>(slotCount).fill(undefined)
    const slot = this.#slots[index]
    if (slot !== undefined && equals(slot.bytes, bytes, start, length)) return slot.topic
    const topic = decodeTopic(bytes, start, end)
    this.#slots[index] = { bytes: bytes.slice(start, end), topic }
    return topic
  }
}

function equals(known: Uint8Array, bytes: Uint8Array, start: number, length: number): boolean {
  if (known.length !== length) return false
  for (let i = 0; i < length; i++) {
    if (known[i] !== bytes[start + i]) return false
  }
  return true
}

function decodeTopic(bytes: Uint8Array, start: number, end: number): string {
  const topic = decodeUtf8(bytes, start, end)
  if (topic === undefined) throw malformed('topic is not UTF-8, or holds U+0000')
  checkTopicName(topic, 'topic')
  return topic
}
