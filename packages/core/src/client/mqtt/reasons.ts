import { ReasonCode } from '../../bindings/mqtt/index.ts'
import { type ErrorCode, type Outcome, ThingmeshError } from '../../errors/index.ts'

/** What MQTT 5's reason codes from 0x80 on (section 2.4) are among our errors; what is not here is `internal`. */
const codes: Readonly<Record<number, ErrorCode>> = {
  [ReasonCode.malformedPacket]: 'invalid-argument',
  [ReasonCode.protocolError]: 'invalid-argument',
  [ReasonCode.unsupportedProtocolVersion]: 'unsupported',
  [ReasonCode.clientIdentifierNotValid]: 'invalid-argument',
  [ReasonCode.badUserNameOrPassword]: 'unauthenticated',
  [ReasonCode.notAuthorized]: 'permission-denied',
  [ReasonCode.serverUnavailable]: 'unavailable',
  [ReasonCode.serverBusy]: 'unavailable',
  [ReasonCode.banned]: 'permission-denied',
  [ReasonCode.serverShuttingDown]: 'unavailable',
  [ReasonCode.badAuthenticationMethod]: 'unsupported',
  [ReasonCode.keepAliveTimeout]: 'timeout',
  [ReasonCode.sessionTakenOver]: 'conflict',
  [ReasonCode.topicFilterInvalid]: 'invalid-argument',
  [ReasonCode.topicNameInvalid]: 'invalid-argument',
  [ReasonCode.receiveMaximumExceeded]: 'rate-limited',
  [ReasonCode.packetTooLarge]: 'too-large',
  [ReasonCode.messageRateTooHigh]: 'rate-limited',
  [ReasonCode.quotaExceeded]: 'rate-limited',
  [ReasonCode.administrativeAction]: 'canceled',
  [ReasonCode.payloadFormatInvalid]: 'invalid-argument',
  [ReasonCode.retainNotSupported]: 'unsupported',
  [ReasonCode.qosNotSupported]: 'unsupported',
  [ReasonCode.useAnotherServer]: 'unavailable',
  [ReasonCode.serverMoved]: 'unsupported',
  [ReasonCode.sharedSubscriptionsNotSupported]: 'unsupported',
  [ReasonCode.connectionRateExceeded]: 'rate-limited',
  [ReasonCode.maximumConnectTime]: 'unavailable',
  [ReasonCode.subscriptionIdentifiersNotSupported]: 'unsupported',
  [ReasonCode.wildcardSubscriptionsNotSupported]: 'unsupported',
}

/** In the hub's words where it gave any. */
export function errorFromReason(reasonCode: number, said: string | undefined, outcome: Outcome): ThingmeshError {
  const text = said ?? `the hub answered with reason code 0x${reasonCode.toString(16)}`
  return new ThingmeshError(codes[reasonCode] ?? 'internal', text, { outcome, details: { reasonCode } })
}
