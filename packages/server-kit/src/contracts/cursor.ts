import { ThingmeshError } from '@thingmesh/core'
import type { Cursor } from './ingress.ts'

const form = /^(?<name>[0-9a-f]{12})\.(?<position>0|[1-9]\d{0,15})$/

/** What a cursor says of its log, and where it lies; the beginning says nothing of a log. Throws `invalid-argument` for what is no cursor. */
export function splitCursor(cursor: Cursor): { readonly name: string; readonly position: number } {
  if (cursor === '0') return { name: '', position: 0 }
  const { name = '', position } = form.exec(cursor)?.groups ?? {}
  if (Number.isSafeInteger(Number(position))) return { name, position: Number(position) }
  throw new ThingmeshError(
    'invalid-argument',
    `found ${cursor.length} characters, a cursor is 0, or what a page or a message of this hub gave`,
  )
}
