/**
 * Gives a segment's memory back now; every view of it is empty from here on. The collector would get to it too, but late:
 * where segments pass through a thread with a small heap, tens of MiB gather between two of its collections.
 */
export function freeSegment({ buffer }: Uint8Array): void {
  if (buffer instanceof ArrayBuffer) buffer.transfer(0)
}
