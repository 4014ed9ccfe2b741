/** Where the level that starts at `start` ends: at its slash, or at the end of the text. */
export function levelEnd(text: string, start: number): number {
  const slash = text.indexOf('/', start)
  return slash === -1 ? text.length : slash
}
