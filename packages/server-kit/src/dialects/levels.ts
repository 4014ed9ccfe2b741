/** The level that starts here, `''` past the end. */
export function levelAt(text: string, start: number): string {
  const slash = text.indexOf('/', start)
  return text.slice(start, slash === -1 ? text.length : slash)
}

/**
 * Whether a level may stand for a channel: `#` would swallow what follows, and a name with `$` in front would become a
 * topic of the server's own, or a shared subscription.
 */
export function isChannelLevel(level: string): boolean {
  return level !== '' && level !== '#' && !level.startsWith('$')
}
