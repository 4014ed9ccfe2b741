import fc from 'fast-check'
import { type CoapMessage, type CoapOption, Code, encodeEmpty } from '../../../src/bindings/coap/index.ts'

const bytes = (maxLength: number) => fc.uint8Array({ maxLength })

/** Around every border of the delta and length encodings. */
const optionNumber = fc.oneof(
  fc.integer({ min: 0, max: 30 }),
  fc.constantFrom(12, 13, 14, 252, 258, 268, 269, 270, 292, 65_000, 65_534, 65_535),
  fc.integer({ min: 0, max: 0xffff }),
)
const optionValue = fc.oneof(
  bytes(12),
  fc.constantFrom(12, 13, 14, 268, 269, 270, 300).map(length => new Uint8Array(length).fill(length)),
  bytes(40),
)

const option: fc.Arbitrary<CoapOption> = fc.record({ number: optionNumber, value: optionValue })
/** As they come out of a decoder: by number, the rest as it was. */
export const options = fc.array(option, { maxLength: 8 }).map(list => [...list].sort((a, b) => a.number - b.number))

const code = fc.constantFrom(...Object.values(Code).filter(value => value !== Code.empty))

/** Every message that is not empty. */
export const filledMessage: fc.Arbitrary<CoapMessage> = fc.record({
  type: fc.constantFrom('confirmable', 'non-confirmable', 'acknowledgement'),
  code,
  messageId: fc.integer({ min: 0, max: 0xffff }),
  token: bytes(8),
  options,
  payload: bytes(80),
})

export const emptyMessage = fc
  .record({
    type: fc.constantFrom('confirmable' as const, 'acknowledgement' as const, 'reset' as const),
    messageId: fc.integer({ min: 0, max: 0xffff }),
  })
  .map(({ type, messageId }) => ({ type, messageId, bytes: encodeEmpty(type, messageId) }))
