import { ThingmeshError } from '../errors/index.ts'
import type { TopicLimits } from './limits.ts'

/** What is being checked, for the error's text. */
export type AddressPart = 'topic' | 'filter' | 'channel name' | 'share name'

/**
 * Checks what topics, filters and channel names have in common: length, and characters that are safe in a log line, a
 * header and a terminal. Linear, and constant where the text is far too long.
 */
export function checkText(part: AddressPart, text: string, bytesMax: number, controlCharacters = false): void {
  if (text.length === 0) throw new ThingmeshError('invalid-argument', `${part} is empty`)
  // A UTF-16 code unit is never less than one byte of UTF-8, so a hostile length is refused before it is walked.
  const bytes = text.length > bytesMax ? text.length : checkedBytes(part, text, controlCharacters)
  if (bytes > bytesMax) {
    throw new ThingmeshError('invalid-argument', `${part} has at least ${bytes} bytes, the limit is ${bytesMax}`, {
      details: { found: bytes, max: bytesMax },
    })
  }
}

export function checkLevels(part: AddressPart, text: string, limits: TopicLimits): void {
  let levels = 1
  for (let slash = text.indexOf('/'); slash !== -1; slash = text.indexOf('/', slash + 1)) levels++
  if (levels > limits.topicLevelsMax) {
    throw new ThingmeshError(
      'invalid-argument',
      `${part} has ${levels} levels, the limit is ${limits.topicLevelsMax}`,
      { details: { limit: 'topicLevelsMax', found: levels, max: limits.topicLevelsMax } },
    )
  }
}

/** The topics that start with `$` are the server's own (MQTT 5, section 4.7.2). */
export function checkNoDollar(part: AddressPart, text: string): void {
  if (text.startsWith('$')) throw new ThingmeshError('invalid-argument', `${part} starts with $, which is reserved`)
}

/**
 * The error tells the character and where it is, never the text: it may hold line breaks or terminal sequences. What is
 * not printable ASCII is told by its code point.
 */
export function forbiddenCharacter(part: AddressPart, text: string, index: number): ThingmeshError {
  const code = text.codePointAt(index) ?? 0
  const name = `U+${code.toString(16).toUpperCase().padStart(4, '0')}`
  const shown = code > 0x20 && code < 0x7f ? `'${text[index]}'` : name
  return new ThingmeshError('invalid-argument', `${part} has ${shown} at index ${index}, which is not allowed there`, {
    details: { character: name, index },
  })
}

/** Bytes of UTF-8, having refused NUL, lone surrogates and, unless told otherwise, C0, DEL, C1 and U+FEFF (MQTT 5, section 1.5.4). */
function checkedBytes(part: AddressPart, text: string, controlCharacters: boolean): number {
  let bytes = text.length
  for (let i = 0; i < text.length; i++) {
    const unit = text.charCodeAt(i)
    if (unit >= 0x20 && unit < 0x7f) continue
    if (unit === 0 || (!controlCharacters && (unit < 0xa0 || unit === 0xfeff))) throw forbiddenCharacter(part, text, i)
    if (unit < 0x80) continue
    if (unit < 0x800) bytes += 1
    else if (unit < 0xd800 || unit > 0xdfff) bytes += 2
    else {
      const low = unit < 0xdc00 ? text.charCodeAt(i + 1) : 0
      if (!(low >= 0xdc00 && low <= 0xdfff)) throw forbiddenCharacter(part, text, i)
      // A pair is two code units and four bytes.
      bytes += 2
      i++
    }
  }
  return bytes
}
