import type { MqttLimits } from './options.ts'

/** MQTT 5, section 1.5.4: of a string or of binary data. */
const fieldBytesMax = 65_535
/** A channel's name of 64 bytes and a slash, which `rawTopics` puts in front of a topic. */
const prefixBytesMax = 65
const uint16Max = 65_535
/** MQTT 5, section 1.5.5: of a variable byte integer, and so of what follows a packet's fixed header, which is 5 bytes at most. */
const remainingLengthMax = 268_435_455

/**
 * Every limit of the hub and of the MQTT listener as the specification has it, for conformance suites and for peers that
 * one trusts: `createHub({ limits: specLimits.hub, … })`, `mqttListener({ ...specLimits.mqtt })`. Where the specification
 * sets no bound, the house keeps one, far out. One peer may then make the hub hold some hundreds of megabytes: a packet as large as
 * there is, a topic alias for every number.
 */
export const specLimits = {
  hub: {
    topicBytesMax: fieldBytesMax + prefixBytesMax,
    topicLevelsMax: fieldBytesMax + prefixBytesMax,
    topicControlCharacters: true,
    payloadBytesMax: remainingLengthMax,
    clientIdBytesMax: fieldBytesMax,
    willBytesMax: fieldBytesMax,
    subscriptionsPerSessionMax: 65_536,
    sharedMembersMax: 65_536,
    sharedPassedOverMax: 65_536,
    windowMax: uint16Max,
    transfersMax: uint16Max,
    keysPerPublisherMax: 100_000,
    keysMax: 100_000,
    /** 0xFFFFFFFF: never (MQTT 5, section 3.1.2.11.2). */
    sessionExpirySecondsMax: 0xffffffff,
    sessionsMax: 100_000,
    sessionsPerPrincipalMax: 100_000,
    presencesMax: 100_000,
    retainedPerDomainMax: 1_000_000,
    retainedBytesMax: remainingLengthMax,
    lastValuesBytesMax: 16 * 1024 * 1024,
    commitBytesMax: 64 * 1024 * 1024,
    recordBytesMax: 16 * 1024 * 1024,
    queueMessagesMax: 16_384,
    queueBytesMax: 4 * 1024 * 1024,
    queuesBytesMax: 64 * 1024 * 1024,
    waitMsMax: 30_000,
    pruneIntervalMs: 60_000,
    systemIntervalMs: 10_000,
  },
  mqtt: {
    packetBytesMax: remainingLengthMax + 5,
    /** Client id, will topic and payload, user name and password at their longest, and room for properties. */
    connectBytesMax: 1024 * 1024,
    connectTimeoutMs: 5_000,
    authRoundsMax: 1_000,
    authBytesMax: 1024 * 1024,
    authIntervalMsMin: 0,
    keepAliveSecondsMin: 1,
    keepAliveSecondsMax: uint16Max,
    keepAliveSecondsDefault: 0,
    receiveMaximum: uint16Max,
    receiveMaximumOnRequest: uint16Max,
    topicAliasMaximum: uint16Max,
    userPropertiesMax: 1_000_000,
    userPropertyBytesMax: remainingLengthMax,
    filtersPerSubscribeMax: 65_536,
    socketBytesMax: 1024 * 1024,
    drainTimeoutMs: 10_000,
    connectionsMax: 100_000,
    connectionsPerAddressMax: 100_000,
  } satisfies MqttLimits,
} as const
