/** `44 01 00 01 'ab'`: bytes as the specification writes them, text in quotes. */
export function hex(source: string): Uint8Array {
  const parts = source.match(/'[^']*'|[0-9a-f]{2}/g) ?? []
  return Uint8Array.from(
    parts.flatMap(part => (part.startsWith("'") ? [...Buffer.from(part.slice(1, -1))] : [Number.parseInt(part, 16)])),
  )
}
