import { type Message, messageId } from '@thingmesh/core'
import { toPayloadJson } from './messages-json.ts'

export const csvType = 'text/csv'

const columns = ['id', 'acceptedAt', 'topic', 'publisher', 'contentType', 'encoding', 'payload'] as const

/** RFC 4180, with a header. `encoding` tells what `payload` is, as in JSON. */
export function toCsv(messages: readonly Message[]): string {
  return [columns, ...messages.map(toRow)].map(row => `${row.map(toCell).join(',')}\r\n`).join('')
}

function toRow(message: Message): readonly string[] {
  const { encoding, payload } = toPayloadJson(message)
  return [
    messageId(message.log, message.sequence),
    new Date(message.acceptedAtMs).toISOString(),
    guard(message.topic),
    guard(message.publisher),
    guard(message.contentType),
    encoding,
    // What JSON begins with is no formula: at most a number below zero.
    encoding === 'json' ? JSON.stringify(payload) : guard(String(payload)),
  ]
}

/**
 * What a publisher wrote is text to whoever opens the table, never a formula that his spreadsheet carries out (OWASP, CSV injection):
 * an apostrophe goes in front of what could be one.
 */
function guard(text: string): string {
  return /^[=+\-@\t\r]/.test(text) ? `'${text}` : text
}

function toCell(text: string): string {
  return /[",\r\n]/.test(text) ? `"${text.replaceAll('"', '""')}"` : text
}
