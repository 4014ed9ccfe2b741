/** MQTT 5, section 4.7, written to be read: no cursor, no shortcut. */
export function referenceMatches(filter: string, topic: string): boolean {
  const wanted = filter.split('/')
  const found = topic.split('/')
  if (topic[0] === '$' && (wanted[0] === '+' || wanted[0] === '#')) return false
  if (wanted.at(-1) === '#') {
    const parents = wanted.slice(0, -1)
    return found.length >= parents.length && parents.every((level, i) => level === '+' || level === found[i])
  }
  return wanted.length === found.length && wanted.every((level, i) => level === '+' || level === found[i])
}
