import { malformed } from './faults.ts'

/*
 * Where messages are, as the segments of a path: `/channels/{channel}/messages[/{subtopic}]`, as over HTTP, and
 * `/c/{channel}[/{subtopic}]`, because every byte of a datagram counts.
 */

/** The topic or filter that a path names; `undefined` for a path that is no message path. Throws `invalid-argument`. */
export function parseMessagePath(segments: readonly string[]): string | undefined {
  const [first, channel] = segments
  if (channel === undefined) return undefined
  let levels: readonly string[]
  if (first === 'c') levels = segments.slice(1)
  else if (first === 'channels' && segments[2] === 'messages') levels = [channel, ...segments.slice(3)]
  else return undefined
  // One level a segment: a slash within one would make two of it.
  if (levels.some(level => level.includes('/'))) throw malformed('a segment of the path holds a slash')
  return levels.join('/')
}

/** The short path of a topic or filter. */
export function toMessagePath(topic: string): string[] {
  return ['c', ...topic.split('/')]
}
