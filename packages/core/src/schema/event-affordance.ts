import type { JsonSchema } from './json-schema.ts'

/** Where and how to subscribe (W3C TD 1.1, section 5.3.4.2). */
export interface Form {
  readonly href: string
  readonly op?: string | readonly string[] | undefined
  /** The channel's by default. */
  readonly contentType?: string | undefined
  readonly subprotocol?: string | undefined
  /** Terms of protocol bindings, such as `mqv:filter`. */
  readonly [term: string]: unknown
}

/** A member of `events` in a Thing Description (W3C TD 1.1, section 5.3.1.5). */
export interface EventAffordance {
  readonly title?: string
  readonly description?: string
  /** The data schemas of TD 1.1 (section 5.3.2) are a subset of JSON Schema, and `unit`. */
  readonly data: JsonSchema
  readonly forms: readonly Form[]
}

export function toEventAffordance(
  { $schema, title, description, ...data }: JsonSchema,
  contentType: string,
  forms: readonly Form[],
): EventAffordance {
  // TD 1.1, section 5.3.1.1: an affordance has at least one form.
  if (forms.length === 0) throw new TypeError('an event affordance has at least one form')
  return {
    ...(title === undefined ? {} : { title: String(title) }),
    ...(description === undefined ? {} : { description: String(description) }),
    data,
    forms: forms.map(form => ({ op: ['subscribeevent', 'unsubscribeevent'], contentType, ...form })),
  }
}
