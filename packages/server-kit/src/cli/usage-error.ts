/** The caller's mistake: the usage is shown, the exit code is 2. */
export class UsageError extends Error {
  override readonly name = 'UsageError'
}
