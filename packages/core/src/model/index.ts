export type { Address, ChannelName } from './address.ts'
export {
  type Delivery,
  type Draft,
  type LogId,
  type Message,
  type MessageId,
  type MessageProperties,
  messageId,
} from './message.ts'
export type { Presence, PresenceConnection, PresenceUpdate } from './presence.ts'
export {
  type Action,
  actions,
  type ControlScope,
  type DomainId,
  type HubId,
  type Principal,
  type PrincipalGrant,
  type PrincipalId,
  type PrincipalKind,
} from './principal.ts'
export {
  type Channel,
  type Domain,
  type Grant,
  type JsonObject,
  type JsonValue,
  type Key,
  type KeyKind,
  keyKinds,
  type NewKey,
  type NewToken,
  type RecordPolicy,
  type Retention,
  recordPolicies,
  type Thing,
  type Token,
  type TokenScope,
} from './registry.ts'
