export { createAdmin } from './admin.ts'
export type { Backoff } from './backoff.ts'
export type { BatchItem, BatchResult } from './batch.ts'
export type {
  ChannelPublishOptions,
  ChannelSubscribeOptions,
  ClientChannel,
} from './channel.ts'
export { type Client, type ClientOptions, openClient } from './client.ts'
export { type MessageFacts, toClientMessage } from './client-message.ts'
export type { ClientEvents } from './events.ts'
export type { FollowOptions } from './follow.ts'
export { type HistoryOptions, readHistory } from './history.ts'
export { connectHttp, type HttpClient, type Published, type PublishOptions, type ReadOptions } from './http.ts'
export { type HttpTransportOptions, httpTransport } from './http-transport.ts'
export type { ReceivedMessage, ReceivedPage, ReceivedPayload } from './messages.ts'
export { nearestOf } from './nearest.ts'
export { checkOptionNames, type OptionNames } from './option-names.ts'
export { type OptionRule, resolveOptions, timerMsMax } from './option-rules.ts'
export type { HttpClientOptions } from './options.ts'
export { memoryOutbox } from './outbox/memory.ts'
export type { DropReason, Outbox, OutboxEntry, OutboxLimits, OutboxPolicy, OutboxStats } from './outbox/outbox.ts'
export type { Publishable } from './payload.ts'
export type { CancelSignal, Fetch, FetchRequest, FetchResponse } from './platform.ts'
export type { Receipt } from './receipt.ts'
export type { ReconnectHints } from './reconnect.ts'
export type {
  Admin,
  CallOptions,
  ChannelClient,
  ChannelUpdate,
  DomainClient,
  GrantClient,
  GrantFilter,
  GrantUpdate,
  KeyClient,
  NamedQuery,
  NewChannel,
  NewGrant,
  NewThing,
  PageSize,
  PresenceClient,
  PresenceFollowOptions,
  ResourceClient,
  ThingClient,
  ThingUpdate,
  ThingWithKey,
  TokenClient,
  TokenRequest,
} from './resources.ts'
export type { ClientState, ClientStatus } from './status.ts'
export type { Subscription } from './subscription.ts'
export type {
  ClientMessage,
  Connection,
  OutgoingDraft,
  Subscribed,
  SubscribeRequest,
  Transport,
} from './transport.ts'
export type { TypedChannel, TypedMessage } from './typed-channel.ts'
