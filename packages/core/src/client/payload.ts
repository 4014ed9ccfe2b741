import { ThingmeshError } from '../errors/index.ts'
import type { JsonValue } from '../model/index.ts'
import type { FetchBody } from './platform.ts'

/** Bytes go as they are; a string goes as text; everything else as JSON. */
export type Publishable = Uint8Array | JsonValue

/** The body and the media type that it has unless the caller says otherwise. */
export function toBody(payload: Publishable): { readonly body: FetchBody; readonly contentType: string } {
  // `fetch` refuses shared memory by itself; a copy would only hide that.
  if (payload instanceof Uint8Array) {
    return { body: payload as Uint8Array<ArrayBuffer>, contentType: 'application/octet-stream' }
  }
  if (typeof payload === 'string') return { body: payload, contentType: 'text/plain;charset=utf-8' }
  return { body: toJson(payload), contentType: 'application/json' }
}

/** JSON has no number for NaN and the infinities, and `JSON.stringify` would write `null` in their place. */
export function toJson(payload: JsonValue): string {
  const text = JSON.stringify(payload, (_name, value: unknown) => {
    if (typeof value === 'number' && !Number.isFinite(value)) {
      throw new ThingmeshError('invalid-argument', 'the payload has a number that is not finite', {
        outcome: 'not-sent',
      })
    }
    return value
  })
  if (text === undefined) throw new TypeError('the payload is not a JSON value')
  return text
}
