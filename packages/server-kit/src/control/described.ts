import { isThingmeshError, type JsonObject, parseChannelName, ThingmeshError } from '@thingmesh/core'
import type { ThingChange } from '../contracts/index.ts'
import { parseJsonObject } from './json.ts'
import { checkLimit, type RegistryLimits } from './limits.ts'

/** Control characters, the byte order mark, half a surrogate pair: nothing that steers a terminal or breaks a log line. */
const unsafeCharacter = /[\p{Cc}\p{Surrogate}\ufeff]/u

/** What things and channels have in common. */
interface Described {
  readonly metadata: JsonObject
  readonly tags: readonly string[]
  readonly enabled: boolean
}

type DescribedChange = Pick<ThingChange, keyof Described>

/** What a draft says, with the defaults for what it is silent about. */
export function parseDescribed(limits: RegistryLimits, what: string, draft: DescribedChange): Described {
  return { metadata: Object.freeze({}), tags: Object.freeze([]), enabled: true, ...parseChange(limits, what, draft) }
}

/** What is given, and nothing else. */
export function parseChange(limits: RegistryLimits, what: string, change: DescribedChange): Partial<Described> {
  const { metadata, tags, enabled } = change
  return {
    ...(metadata !== undefined && { metadata: parseMetadata(limits, what, metadata) }),
    ...(tags !== undefined && { tags: parseTags(limits, what, tags) }),
    ...(enabled !== undefined && { enabled: parseBoolean(`enabled of the ${what}`, enabled) }),
  }
}

/** Names of things and of domains follow the rules of channel names. */
export function parseName(what: string, name: unknown): string {
  if (typeof name !== 'string') throw new ThingmeshError('invalid-argument', `name of the ${what}: found no text`)
  try {
    return parseChannelName(name)
  } catch (error) {
    if (!isThingmeshError(error)) throw error
    const message = error.message.replace(/^channel name/, `name of the ${what}`)
    throw new ThingmeshError(error.code, message, { details: error.details })
  }
}

/** One line of text that is for people. */
export function parseLabel(
  limits: RegistryLimits,
  limit: 'tokenNameBytesMax' | 'tagBytesMax',
  what: string,
  text: unknown,
): string {
  if (typeof text !== 'string' || text === '') throw new ThingmeshError('invalid-argument', `${what}: found no text`)
  // A code unit is at least a byte: what is far too long is not walked.
  checkLimit(limits, limit, what, text.length > limits[limit] ? text.length : Buffer.byteLength(text))
  if (unsafeCharacter.test(text)) {
    throw new ThingmeshError('invalid-argument', `${what}: found a control character or half a surrogate pair`)
  }
  return text
}

function parseMetadata(limits: RegistryLimits, what: string, metadata: unknown): JsonObject {
  return parseJsonObject(`metadata of the ${what}`, metadata, {
    bytesMax: limits.metadataBytesMax,
    bytesLimit: 'metadataBytesMax',
    depthMax: limits.metadataDepthMax,
    depthLimit: 'metadataDepthMax',
  })
}

function parseTags(limits: RegistryLimits, what: string, tags: unknown): readonly string[] {
  if (!Array.isArray(tags)) throw new ThingmeshError('invalid-argument', `tags of the ${what}: found no list`)
  checkLimit(limits, 'tagsMax', `tags of the ${what}`, tags.length)
  const parsed = tags.map(tag => parseLabel(limits, 'tagBytesMax', `tag of the ${what}`, tag))
  if (new Set(parsed).size !== parsed.length) {
    throw new ThingmeshError('invalid-argument', `tags of the ${what}: found one twice`)
  }
  return Object.freeze(parsed)
}

function parseBoolean(what: string, value: unknown): boolean {
  if (typeof value !== 'boolean') throw new ThingmeshError('invalid-argument', `${what}: found neither true nor false`)
  return value
}

/** Throws `invalid-argument` for anything but a whole number in the range. */
export function parseWhole(what: string, value: unknown, min: number, max: number): number {
  if (typeof value === 'number' && Number.isSafeInteger(value) && value >= min && value <= max) return value
  const found = typeof value === 'number' ? `${value}` : 'no number'
  throw new ThingmeshError('invalid-argument', `${what}: found ${found}, it is a whole number from ${min} to ${max}`)
}
