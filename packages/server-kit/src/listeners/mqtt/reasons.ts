import { type ErrorCode, ThingmeshError } from '@thingmesh/core'
import { ConnectReturnCode, errorProperty, type Properties, type ProtocolLevel, ReasonCode } from '@thingmesh/core/mqtt'

/** What each error is called in an MQTT 5 CONNACK (section 3.2.2.2). */
const connackReasons: Readonly<Record<ErrorCode, number>> = {
  'invalid-argument': ReasonCode.clientIdentifierNotValid,
  unauthenticated: ReasonCode.badUserNameOrPassword,
  'permission-denied': ReasonCode.notAuthorized,
  'not-found': ReasonCode.topicNameInvalid,
  conflict: ReasonCode.clientIdentifierNotValid,
  'too-large': ReasonCode.packetTooLarge,
  'rate-limited': ReasonCode.quotaExceeded,
  // A protocol version that is not spoken brings its own code along.
  unsupported: ReasonCode.badAuthenticationMethod,
  timeout: ReasonCode.serverBusy,
  canceled: ReasonCode.unspecifiedError,
  unavailable: ReasonCode.serverUnavailable,
  internal: ReasonCode.unspecifiedError,
}

/** In a PUBACK, SUBACK or UNSUBACK (MQTT 5, sections 3.4.2.1 and 3.9.3), which share the codes used here. */
const requestReasons: Readonly<Record<ErrorCode, number>> = {
  'invalid-argument': ReasonCode.topicNameInvalid,
  unauthenticated: ReasonCode.notAuthorized,
  'permission-denied': ReasonCode.notAuthorized,
  'not-found': ReasonCode.topicNameInvalid,
  conflict: ReasonCode.implementationSpecificError,
  'too-large': ReasonCode.quotaExceeded,
  'rate-limited': ReasonCode.quotaExceeded,
  unsupported: ReasonCode.implementationSpecificError,
  timeout: ReasonCode.unspecifiedError,
  canceled: ReasonCode.unspecifiedError,
  unavailable: ReasonCode.quotaExceeded,
  internal: ReasonCode.unspecifiedError,
}

/** In a DISCONNECT that the hub sends (MQTT 5, section 3.14.2.1). */
const disconnectReasons: Readonly<Record<ErrorCode, number>> = {
  'invalid-argument': ReasonCode.protocolError,
  unauthenticated: ReasonCode.notAuthorized,
  'permission-denied': ReasonCode.notAuthorized,
  'not-found': ReasonCode.topicNameInvalid,
  conflict: ReasonCode.sessionTakenOver,
  'too-large': ReasonCode.packetTooLarge,
  'rate-limited': ReasonCode.quotaExceeded,
  unsupported: ReasonCode.implementationSpecificError,
  timeout: ReasonCode.keepAliveTimeout,
  canceled: ReasonCode.administrativeAction,
  unavailable: ReasonCode.serverShuttingDown,
  internal: ReasonCode.unspecifiedError,
}

/** Before MQTT 5 a CONNACK knows five refusals (3.1.1, section 3.2.2.3). */
const returnCodes: Readonly<Record<ErrorCode, number>> = {
  'invalid-argument': ConnectReturnCode.identifierRejected,
  unauthenticated: ConnectReturnCode.badUserNameOrPassword,
  'permission-denied': ConnectReturnCode.notAuthorized,
  'not-found': ConnectReturnCode.notAuthorized,
  conflict: ConnectReturnCode.identifierRejected,
  'too-large': ConnectReturnCode.notAuthorized,
  'rate-limited': ConnectReturnCode.serverUnavailable,
  unsupported: ConnectReturnCode.unacceptableProtocolVersion,
  timeout: ConnectReturnCode.serverUnavailable,
  canceled: ConnectReturnCode.serverUnavailable,
  unavailable: ConnectReturnCode.serverUnavailable,
  internal: ConnectReturnCode.serverUnavailable,
}

export function toConnackReason(error: ThingmeshError, level: ProtocolLevel): number {
  if (level !== 5) return returnCodes[error.code]
  // What is no topic has a name of its own here; of itself the code stands for the client id.
  if (error.code === 'invalid-argument' && error.details.part === 'will') return ReasonCode.topicNameInvalid
  return reasonIn(error) ?? connackReasons[error.code]
}

export function toRequestReason(error: ThingmeshError): number {
  // Of itself the code stands for the topic.
  if (error.code === 'invalid-argument' && error.details.part === 'payload') return ReasonCode.payloadFormatInvalid
  return reasonIn(error) ?? requestReasons[error.code]
}

/** A wrong filter has a name of its own. */
export function toSubackReason(error: ThingmeshError): number {
  return error.code === 'invalid-argument' ? ReasonCode.topicFilterInvalid : toRequestReason(error)
}

/** A publish that only the connection's end can refuse: the DISCONNECT says what the PUBACK would have said. */
export function toPublishRefusal(error: ThingmeshError): ThingmeshError {
  const details = { ...error.details, reasonCode: toRequestReason(error) }
  return new ThingmeshError(error.code, error.message, { cause: error, details })
}

export function toDisconnectReason(error: ThingmeshError): number {
  return reasonIn(error) ?? disconnectReasons[error.code]
}

/** What a reason code leaves open, for one of them may stand for several errors: which one it is, and why, in words. */
export function toReason({ code, message }: ThingmeshError): Properties {
  return { reasonString: message, userProperties: [[errorProperty, code]] }
}

/** The codec and this listener know the reason better than a general code does. */
function reasonIn(error: ThingmeshError): number | undefined {
  const { reasonCode } = error.details
  return typeof reasonCode === 'number' ? reasonCode : undefined
}
