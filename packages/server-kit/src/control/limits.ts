import { defaultTopicLimits, ThingmeshError, type TopicLimits } from '@thingmesh/core'

/** What the registry bounds. Counts are per domain unless the name says otherwise. */
export interface RegistryLimits extends TopicLimits {
  /** Bytes of a token's name. The names of things, channels and domains follow the rules of channel names. */
  readonly tokenNameBytesMax: number
  /** Bytes of the metadata's JSON text. */
  readonly metadataBytesMax: number
  readonly metadataDepthMax: number
  readonly tagsMax: number
  readonly tagBytesMax: number
  readonly validKeysPerThingMax: number
  readonly grantsPerThingMax: number
  /** Channels that one token's scope names. */
  readonly scopeChannelsMax: number
  /** How far ahead a key or a token may expire, and how long a grace may be. */
  readonly lifetimeSecondsMax: number
  /** Items of one `createMany`. */
  readonly batchItemsMax: number
  /** Items of one page of a list. */
  readonly pageItemsMax: number
  readonly thingsMax: number
  readonly channelsMax: number
  readonly tokensMax: number
  readonly domainsMax: number
  /** Changes that wait for the store, of all domains together, before more are refused with `unavailable`. */
  readonly waitingChangesMax: number
}

/** Those that something is counted against. */
type LimitName = Exclude<keyof RegistryLimits, 'topicControlCharacters'>

export const defaultRegistryLimits: Required<RegistryLimits> = {
  ...defaultTopicLimits,
  topicControlCharacters: false,
  tokenNameBytesMax: 64,
  metadataBytesMax: 8 * 1024,
  metadataDepthMax: 16,
  tagsMax: 32,
  tagBytesMax: 64,
  validKeysPerThingMax: 2,
  grantsPerThingMax: 1_000,
  scopeChannelsMax: 100,
  lifetimeSecondsMax: 10 * 365 * 24 * 3600,
  batchItemsMax: 1_000,
  pageItemsMax: 1_000,
  thingsMax: 1_000_000,
  channelsMax: 100_000,
  tokensMax: 10_000,
  domainsMax: 10_000,
  waitingChangesMax: 1_000,
}

/** Throws `invalid-argument` where a value is larger than the limit of that name. */
export function checkLimit(limits: RegistryLimits, limit: LimitName, what: string, found: number): void {
  if (found > limits[limit]) throw exceeded('invalid-argument', limits, limit, what, found)
}

/** Throws `conflict` where the registry would hold more than the limit of that name. */
export function checkCount(limits: RegistryLimits, limit: LimitName, what: string, found: number): void {
  if (found > limits[limit]) throw exceeded('conflict', limits, limit, what, found)
}

function exceeded(
  code: 'invalid-argument' | 'conflict',
  limits: RegistryLimits,
  limit: LimitName,
  what: string,
  found: number,
): ThingmeshError {
  const max = limits[limit]
  return new ThingmeshError(code, `${what}: found ${found}, the limit ${limit} is ${max}`, {
    details: { limit, found, max },
  })
}
