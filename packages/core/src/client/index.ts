export { createAdmin } from './admin.ts'
export type { Backoff } from './backoff.ts'
export type { BatchItem, BatchResult } from './batch.ts'
export type { FollowOptions } from './follow.ts'
export { connectHttp, type HttpClient, type Published, type PublishOptions, type ReadOptions } from './http.ts'
export type { ReceivedMessage, ReceivedPage, ReceivedPayload } from './messages.ts'
export type { HttpClientOptions } from './options.ts'
export type { Publishable } from './payload.ts'
export type { CancelSignal, Fetch, FetchRequest, FetchResponse } from './platform.ts'
export type {
  Admin,
  CallOptions,
  ChannelClient,
  ChannelUpdate,
  GrantClient,
  GrantFilter,
  GrantUpdate,
  KeyClient,
  NamedQuery,
  NewChannel,
  NewGrant,
  NewThing,
  PageSize,
  ResourceClient,
  ThingClient,
  ThingUpdate,
  ThingWithKey,
  TokenClient,
  TokenRequest,
} from './resources.ts'
export { type TypedChannel, type TypedMessage, type TypedPage, typedChannel } from './typed-channel.ts'
