/**
 * A page that nobody looks at holds nothing open: a browser lets all its pages have six connections to one hub, and each page
 * that follows takes two. `rest` is called when it has been hidden for so long, and `wake` when it is looked at again.
 */
export function restWhileHidden(afterMs: number, { rest, wake }: { rest(): void; wake(): void }): void {
  let resting = false
  let timer: ReturnType<typeof setTimeout> | undefined
  document.addEventListener('visibilitychange', () => {
    clearTimeout(timer)
    if (document.visibilityState === 'hidden') {
      timer = setTimeout(() => {
        resting = true
        rest()
      }, afterMs)
    } else if (resting) {
      resting = false
      wake()
    }
  })
}
