import { type Draft, ThingmeshError } from '@thingmesh/core'

const textBytesMax = 65_535
const secondsMax = 0xffffffff

/**
 * Whether every protocol can carry what a draft has besides its payload: what passes here cannot fail on the way out. Texts are as long as
 * MQTT lets them be (MQTT 5, sections 1.5.4 and 1.5.6).
 */
export function checkCarried({ contentType, properties }: Draft): void {
  checkText('content type', contentType)
  if (properties === undefined) return
  const { replyTo, correlation, expiresInSeconds, headers } = properties
  if (replyTo !== undefined) checkText('reply topic', replyTo)
  if (correlation !== undefined && correlation.byteLength > textBytesMax) refuse('correlation', correlation.byteLength)
  if (expiresInSeconds !== undefined && !isSeconds(expiresInSeconds)) {
    throw new ThingmeshError(
      'invalid-argument',
      `expires in ${expiresInSeconds} s, allowed is a whole number up to ${secondsMax}`,
    )
  }
  for (const [name, value] of headers ?? []) {
    checkText('header', name)
    checkText('header', value)
  }
}

function isSeconds(value: number): boolean {
  return Number.isInteger(value) && value >= 0 && value <= secondsMax
}

function checkText(what: string, text: string): void {
  // No text has more bytes than thrice its length, so that short ones are not measured.
  if (text.length * 3 > textBytesMax) {
    const bytes = Buffer.byteLength(text)
    if (bytes > textBytesMax) refuse(what, bytes)
  }
  if (!text.isWellFormed() || text.includes('\0')) {
    throw new ThingmeshError(
      'invalid-argument',
      `the ${what} is not text that can be sent: an unpaired surrogate or U+0000`,
    )
  }
}

function refuse(what: string, bytes: number): never {
  throw new ThingmeshError('invalid-argument', `the ${what} has ${bytes} bytes, the limit is ${textBytesMax}`)
}
