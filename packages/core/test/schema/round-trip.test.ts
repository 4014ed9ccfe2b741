import fc from 'fast-check'
import { expect, it } from 'vitest'
import { z } from 'zod'
import { cborFormat } from '../../src/schema/cbor.ts'
import { defineChannel, time } from '../../src/schema/index.ts'
import { senmlJsonFormat } from '../../src/schema/senml.ts'
import { senmlCborFormat } from '../../src/schema/senml-cbor.ts'
import { recordOf, records, samples, samplesNamed, scalars } from './arbitraries.ts'

// The same cases on every run: a failure is one that anybody can repeat.
fc.configureGlobal({ seed: 20160401 })

const senmlNames = fc.stringMatching(/^[A-Za-z0-9][A-Za-z0-9\-:./_]{0,8}$/)

it.each([
  ['application/json', []],
  ['application/vnd.acme+json; v=2', []],
  ['application/cbor', [cborFormat]],
] as const)('%s: what fits comes back as it was', (contentType, formats) => {
  fc.assert(
    fc.property(records, ({ fields, value }) => {
      const channel = defineChannel({ name: 'telemetry', fields, contentType, formats })
      expect(channel.validate(value)).toEqual(value)
      const encoded = channel.encode(value)
      expect(encoded.contentType).toBe(contentType)
      expect(channel.decode(encoded.payload, contentType)).toEqual(value)
      expect(channel.decode(encoded.payload)).toEqual(value)
    }),
  )
})

it.each(['application/json', 'application/cbor'])('%s: also a value that is no record', contentType => {
  fc.assert(
    fc.property(samples, ({ field, value }) => {
      const channel = defineChannel({ name: 'telemetry', schema: field, contentType, formats: [cborFormat] })
      expect(channel.decode(channel.encode(value).payload)).toEqual(value)
    }),
  )
})

it.each([senmlJsonFormat, senmlCborFormat])('senml: what fits comes back as it was', format => {
  // An earlier time is one that SenML counts from now.
  const moment = fc.date({
    min: new Date(2 ** 28 * 1000),
    max: new Date('9999-12-31T23:59:59.999Z'),
    noInvalidDate: true,
  })
  const pack = recordOf(scalars, senmlNames).filter(({ fields, value }) => {
    // A pack has at least one record.
    return Object.keys(value).length > 0 && !('at' in fields)
  })
  const presence = fc.constantFrom('required', 'optional', 'absent')
  fc.assert(
    fc.property(pack, moment, presence, fc.nat(), ({ fields, value }, at, presence, nowMs) => {
      const channel = defineChannel({
        name: 'telemetry',
        fields: { ...fields, at: presence === 'required' ? time() : time().optional() },
        formats: [format],
      })
      const whole = presence === 'absent' ? value : { ...value, at }
      const { payload, contentType } = channel.encode(whole)
      expect(contentType).toBe(format.contentTypes[0])
      expect(channel.decode(payload, contentType, { nowMs })).toEqual(whole)
    }),
  )
})

it('the json schema takes what the definition takes, by the judgement of another library', () => {
  // That library reads `toString` off the prototype where it is absent.
  const plain = fc.constantFrom('a', 'b', 'c', 'd', 'e')
  const perturbed = fc.tuple(recordOf(samplesNamed(plain), plain), fc.jsonValue({ maxDepth: 1 }), fc.nat())
  fc.assert(
    fc.property(perturbed, ([{ fields, value }, other, where]) => {
      const channel = defineChannel({ name: 'telemetry', fields })
      const schema = z.fromJSONSchema(channel.toJsonSchema() as Parameters<typeof z.fromJSONSchema>[0])
      const form = JSON.parse(new TextDecoder().decode(channel.encode(value).payload)) as Record<string, unknown>
      expect(schema.safeParse(form).success).toBe(true)
      // One member is replaced by something else, which may fit or not: both must say the same.
      const name = Object.keys(fields)[where % Object.keys(fields).length]!
      const changed = { ...form, [name]: other }
      // Of texts the two know different formats.
      if (typeof other === 'string') return
      let fits = true
      try {
        channel.decode(new TextEncoder().encode(JSON.stringify(changed)))
      } catch {
        fits = false
      }
      expect(schema.safeParse(changed).success).toBe(fits)
    }),
  )
})
