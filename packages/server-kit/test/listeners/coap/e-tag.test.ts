import { randomBytes } from 'node:crypto'
import fc from 'fast-check'
import { expect, it } from 'vitest'
import { toRepresentation } from '../../../src/listeners/coap/mapping.ts'
import { testMessage } from '../../../src/testing/messages.ts'

function eTagOf(epoch: string, sequence: number): string {
  const message = testMessage({ topic: 'a', sequence, log: { origin: 'hub', epoch } })
  return Buffer.from(toRepresentation(message, 0).eTag).toString('hex')
}

it('is another one for each message of an epoch', () => {
  fc.assert(
    fc.property(fc.uniqueArray(fc.maxSafeNat(), { minLength: 2 }), sequences => {
      expect(new Set(sequences.map(sequence => eTagOf('e', sequence))).size).toBe(sequences.length)
    }),
  )
})

it('is another one in each epoch, for a log and its copy that was put back have the same sequences', () => {
  const epochs = Array.from({ length: 1_000 }, () => randomBytes(16).toString('hex'))
  expect(new Set(epochs.map(epoch => eTagOf(epoch, 2 ** 24))).size).toBe(epochs.length)
})
