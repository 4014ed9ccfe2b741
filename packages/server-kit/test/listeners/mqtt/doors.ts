import { type Transport, transports } from './dial.ts'
import { levels } from './fixture.ts'

/** A way into the hub for MQTT's bytes. What attacks one of them is tried on all: several real fixes closed one door only. */
export type Door = Transport

export const doors: readonly Door[] = transports

/** Each door with each version. */
export const tries = doors.flatMap(door => levels.map(([version, level]) => ({ door, version, level })))
