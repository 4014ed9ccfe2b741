import { coapVectors } from './coap-vectors.ts'
import { messageVectors } from './message-vectors.ts'
import { mqttVectors } from './mqtt-vectors.ts'
import type { Vector } from './vector.ts'

/** Every row of the tables in `docs/protocol/` that a codec of core writes and reads, for any platform to run. */
export const vectors: readonly Vector[] = [...mqttVectors, ...coapVectors, ...messageVectors]
