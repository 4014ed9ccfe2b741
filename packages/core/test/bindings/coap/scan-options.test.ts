import fc from 'fast-check'
import { expect, it } from 'vitest'
import { decodeOptions, encodeMessage, scanOptions } from '../../../src/bindings/coap/index.ts'
import { filledMessage } from './arbitraries.ts'
import { holds } from './holds.ts'

function scanned(bytes: Uint8Array) {
  const scan = { optionsEnd: -1, payloadAt: -1, numberMax: -2 }
  scanOptions(bytes, 0, scan)
  return scan
}

function resultOf<T>(work: () => T): { value: T } | { refused: string } {
  try {
    return { value: work() }
  } catch (error) {
    return { refused: String(error) }
  }
}

function agree(bytes: Uint8Array): void {
  const decoded = resultOf(() => decodeOptions(bytes, 0))
  const scan = resultOf(() => scanned(bytes))
  if ('refused' in decoded || 'refused' in scan) {
    expect(scan).toEqual(decoded)
    return
  }
  const { optionsEnd, payloadAt, numberMax } = scan.value
  expect(bytes.subarray(payloadAt)).toEqual(decoded.value.payload)
  expect(numberMax).toBe(decoded.value.options.at(-1)?.number ?? -1)
  // The options are whole without what comes after them.
  expect(decodeOptions(bytes.subarray(0, optionsEnd), 0).options).toEqual(decoded.value.options)
}

it('scanOptions sees what decodeOptions sees, in any bytes', () => {
  holds(fc.property(fc.uint8Array({ maxLength: 40 }), agree))
})

it('scanOptions sees what decodeOptions sees, in messages', () => {
  holds(
    fc.property(filledMessage, message => agree(encodeMessage({ ...message, token: new Uint8Array(0) }).subarray(4))),
  )
})
