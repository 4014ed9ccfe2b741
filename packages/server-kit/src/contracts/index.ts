export type { Authenticate, ChallengeCredential, Credential, Peer, PeerCertificate } from './authenticate.ts'
export type { ChannelDirectory } from './channels.ts'
export type {
  ChannelChange,
  ChannelDraft,
  Collection,
  Control,
  DescribedQuery,
  DomainCollection,
  GrantChange,
  GrantDraft,
  GrantQuery,
  KeyCollection,
  RegistryControl,
  ThingChange,
  ThingDraft,
  TokenCollection,
  TokenDraft,
} from './control.ts'
export type { CredentialDirectory, ProvedSecret, PublicKeyEntry, ScramAccount, ScramVerifier } from './credentials.ts'
export type { Dialect, DialectFilter, DialectKey } from './dialect.ts'
export type { Health } from './health.ts'
export type {
  Cursor,
  FollowRequest,
  Hello,
  Ingress,
  ReadPage,
  ReadRequest,
  Receipt,
  Session,
  SubscribeRequest,
  SubscribeResult,
  UsableChannel,
  Will,
} from './ingress.ts'
export type { Listener, ListenerContext } from './listener.ts'
export type { Counter, Histogram, Labels, Meter, MetricFamily } from './meter.ts'
export type { DeliveryTerms, Outlet } from './outlet.ts'
export type { Page, PageQuery } from './page.ts'
export type { PlaceLimit, PlaceLimits, Places } from './places.ts'
export type { PresenceDirectory, PresenceQuery } from './presence.ts'
export type { Authorizer, Rights, RightsChange } from './rights.ts'
export {
  type AppendOptions,
  type Durability,
  durabilities,
  type GroupRecord,
  type GroupRecords,
  type KeyRecord,
  type KeyRecords,
  type LoanRecord,
  type LogEpoch,
  type MessageLog,
  type MessagePage,
  type MessageQuery,
  type PrunePlan,
  type PruneReport,
  type RegistryRecord,
  type RegistryRecords,
  type RegistryWrite,
  type RetainedMessages,
  type SessionRecord,
  type SessionRecords,
  type Store,
  type SubscriptionRecord,
  type Transfer,
  type UnacknowledgedRecord,
} from './store.ts'
export {
  type ClientCertificates,
  clientCertificateModes,
  type HandshakeFailure,
  handshakeFailures,
  type TlsIdentity,
  type TlsTerminator,
  type TlsTerminatorOptions,
} from './tls.ts'
export type { Caller, Upgrade } from './upgrade.ts'
export type { WebSocketConnection, WebSocketHandler, WebSocketOpening, WebSocketRoute } from './websocket.ts'
