import { decodeBase64url, encodeBase64url } from '../codec/base64url.ts'
import { isObject } from './check.ts'
import type { Shape } from './shape.ts'

/** RFC 3339, section 5.6. `Date.parse` alone would take much more, and differently on each platform. */
const dateTime = /^(\d{4}-\d{2}-\d{2})[Tt]([01]\d|2[0-3]):\d{2}:\d{2}(\.\d{1,9})?([Zz]|[+-]\d{2}:\d{2})$/

/** A value of the shape as JSON can have it: bytes as text in base64url, a time as RFC 3339 writes it. */
export function toJsonForm(shape: Shape, value: unknown): unknown {
  switch (shape.kind) {
    case 'bytes':
      return encodeBase64url(value as Uint8Array)
    case 'time':
      return (value as Date).toISOString()
    case 'list':
      return (value as readonly unknown[]).map(item => toJsonForm(shape.of, item))
    case 'record': {
      const form: Record<string, unknown> = {}
      for (const [name, item] of Object.entries(value as object)) {
        form[name] = toJsonForm(shape.fields.get(name)!.shape, item)
      }
      return form
    }
    default:
      return value
  }
}

/** The way back. What is not as it should be stays as it is: the check that follows tells where. */
export function fromJsonForm(shape: Shape, form: unknown): unknown {
  switch (shape.kind) {
    case 'bytes':
      return typeof form === 'string' ? (toBytes(form) ?? form) : form
    case 'time':
      return typeof form === 'string' ? (toTime(form) ?? form) : form
    case 'list':
      return Array.isArray(form) ? form.map(item => fromJsonForm(shape.of, item)) : form
    case 'record': {
      if (!isObject(form)) return form
      const value: Record<string, unknown> = {}
      for (const [name, member] of shape.fields) {
        if (Object.hasOwn(form, name)) value[name] = fromJsonForm(member.shape, form[name])
      }
      return value
    }
    default:
      return form
  }
}

function toBytes(text: string): Uint8Array | undefined {
  try {
    return decodeBase64url(text)
  } catch {
    return undefined
  }
}

function toTime(text: string): Date | undefined {
  const day = dateTime.exec(text)?.[1]
  const at = new Date(text.toUpperCase())
  if (day === undefined || Number.isNaN(at.getTime())) return undefined
  // Some platforms take 30 February for 2 March.
  return new Date(day).toISOString().startsWith(day) ? at : undefined
}
