import * as v from 'valibot'
import { expectTypeOf, it } from 'vitest'
import type { Client } from '../../src/client/index.ts'
import {
  boolean,
  bytes,
  choice,
  defineChannel,
  type InputOf,
  integer,
  list,
  number,
  type OutputOf,
  object,
  string,
  time,
} from '../../src/schema/index.ts'

const Telemetry = defineChannel({
  name: 'telemetry',
  fields: {
    temperature: number({ unit: 'Cel' }),
    open: boolean().optional(),
    state: choice(['on', 'off']),
    at: time(),
    parts: list(object({ id: integer(), raw: bytes().optional() })),
    label: string().optional(),
  },
})

const Events = defineChannel({
  name: 'events',
  schema: v.object({
    at: v.pipe(
      v.string(),
      v.transform(text => new Date(text)),
    ),
    level: v.optional(v.number(), 1),
  }),
})

interface Reading {
  readonly temperature: number
  readonly open?: boolean | undefined
  readonly state: 'on' | 'off'
  readonly at: Date
  readonly parts: readonly { readonly id: number; readonly raw?: Uint8Array | undefined }[]
  readonly label?: string | undefined
}

it('types are inferred, for what goes in and what comes out', () => {
  expectTypeOf<InputOf<typeof Telemetry>>().toEqualTypeOf<Reading>()
  expectTypeOf<OutputOf<typeof Telemetry>>().toEqualTypeOf<Reading>()
  expectTypeOf<InputOf<typeof Events>>().toEqualTypeOf<{ at: string; level?: number | undefined }>()
  expectTypeOf<OutputOf<typeof Events>>().toEqualTypeOf<{ at: Date; level: number }>()
  expectTypeOf(Telemetry.validate).returns.toEqualTypeOf<Reading>()
  const whole = defineChannel({ name: 'state', schema: choice(['ON', 'OFF']) })
  expectTypeOf<OutputOf<typeof whole>>().toEqualTypeOf<'ON' | 'OFF'>()
})

// `tsc` is the test of what follows: a directive that suppresses nothing is an error. It is never called.
export async function mistakes(client: Client): Promise<void> {
  const telemetry = client.channel(Telemetry)
  const good: Reading = { temperature: 1, state: 'on', at: new Date(), parts: [] }
  await telemetry.publish(good, { subtopic: 'room1', retain: true })
  // @ts-expect-error: a name with a slip in it
  await telemetry.publish({ ...good, temprature: 1 })
  // @ts-expect-error: a member is missing
  await telemetry.publish({ state: 'on', at: new Date(), parts: [] })
  // @ts-expect-error: text for a number
  await telemetry.publish({ ...good, temperature: '21.5' })
  // @ts-expect-error: none of the choices
  await telemetry.publish({ ...good, state: 'ON' })
  // @ts-expect-error: within a list
  await telemetry.publish({ ...good, parts: [{ id: 'x' }] })
  // @ts-expect-error: the content type is the definition's
  await telemetry.publish(good, { contentType: 'text/plain' })
  // @ts-expect-error: what comes out is not what goes in
  await client.channel(Events).publish({ at: new Date() })
  for await (const message of telemetry.subscribe({ pattern: '+/air' })) {
    // @ts-expect-error: there may be no value
    message.value.temperature.toFixed()
    if (message.error !== undefined) continue
    expectTypeOf(message.value).toEqualTypeOf<Reading>()
    // @ts-expect-error: a name with a slip in it
    message.value.temprature
    // @ts-expect-error: a number has none
    message.value.temperature.trim()
    // @ts-expect-error: an optional member may be absent
    message.value.label.trim()
  }
  telemetry.subscribe(({ topic, value, error }) => {
    expectTypeOf(topic).toEqualTypeOf<string>()
    // @ts-expect-error: there may be no value
    value.temperature.toFixed()
    if (error !== undefined) return
    value.temperature.toFixed()
    // @ts-expect-error: a name with a slip in it
    value.temprature
  })
  // @ts-expect-error: a callback for other values
  telemetry.subscribe((message: { readonly value: { readonly temperature: string } }) => message)
  for (const { value } of await client.channel(Events).latest()) {
    expectTypeOf(value).toEqualTypeOf<{ at: Date; level: number } | undefined>()
  }
  for await (const message of client.channel(Events).history()) {
    if (message.error === undefined) expectTypeOf(message.value.at).toEqualTypeOf<Date>()
    expectTypeOf(message.cursor).toEqualTypeOf<string>()
  }
  // @ts-expect-error: whoever gives a name says nothing of values
  for await (const { value } of client.channel('telemetry').subscribe()) expectTypeOf(value)
  // @ts-expect-error: fields and a schema
  defineChannel({ name: 'a', fields: { x: number() }, schema: number() })
  // @ts-expect-error: the items of a list cannot be left out
  list(number().optional())
}
