import { ThingmeshError } from '../errors/index.ts'

const pathCharactersMax = 256

/**
 * An `invalid-argument` with the path in its details, `readings.0.temperature`; `''` is the value itself. The problem
 * is ours to word: what foreign libraries say quotes the value.
 */
export function refusalAt(
  path: readonly unknown[],
  problem: string,
  details: Readonly<Record<string, string | number>> = {},
): ThingmeshError {
  const at = pathText(path)
  const message = `the value does not fit${at === '' ? '' : ` at ${at}`}: ${problem}`
  return new ThingmeshError('invalid-argument', message, { details: { ...details, path: at } })
}

/** Keys may be a peer's: only what is harmless in a log is repeated, and not endlessly. */
function pathText(path: readonly unknown[]): string {
  return path
    .slice(0, pathCharactersMax)
    .map(key => (typeof key === 'symbol' ? 'symbol' : String(key).slice(0, pathCharactersMax)))
    .join('.')
    .replaceAll(/[^\p{L}\p{N}._-]/gu, '?')
    .slice(0, pathCharactersMax)
}
