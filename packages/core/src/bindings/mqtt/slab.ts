/** Gives so many bytes, whose content does not matter: all of them will be written. */
export type Allocate = (length: number) => Uint8Array

// Of one slab at most this part goes to one request, so that little is wasted where the next one begins.
const largestPart = 1 / 8

/**
 * Cuts small arrays from large ones. V8 makes a typed array of more than 64 bytes outside its heap, which takes most of
 * the time of encoding a PUBLISH; a cut costs a twentieth. An array keeps its whole slab alive, so this is for
 * bytes that are soon sent, not for bytes that are kept.
 */
export function slabAllocator(slabBytes = 65_536): Allocate {
  let slab = new Uint8Array(0)
  let used = 0
  return length => {
    if (length > slabBytes * largestPart) return new Uint8Array(length)
    if (used + length > slab.length) {
      slab = new Uint8Array(slabBytes)
      used = 0
    }
    const part = new Uint8Array(slab.buffer, used, length)
    used += length
    return part
  }
}
