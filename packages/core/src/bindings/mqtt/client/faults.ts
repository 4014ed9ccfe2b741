import { ThingmeshError } from '../../../errors/index.ts'

/** Bytes that are not what MQTT 5 says, or a value that it has no bytes for. */
export function malformed(message: string): ThingmeshError {
  return new ThingmeshError('invalid-argument', message)
}
