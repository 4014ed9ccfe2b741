/** The same, but not oftener than every so many milliseconds: soon after the first call, and after the last. */
export function paced(draw: () => void, everyMs: number): () => void {
  let drawnAt = Number.NEGATIVE_INFINITY
  let due: ReturnType<typeof setTimeout> | undefined
  return () => {
    if (due !== undefined) return
    due = setTimeout(
      () => {
        due = undefined
        drawnAt = performance.now()
        draw()
      },
      Math.max(0, drawnAt + everyMs - performance.now()),
    )
  }
}
