import { readFile } from 'node:fs/promises'

/** Lines of an example that are neither empty nor a comment. */
export async function codeLines(path: string): Promise<number> {
  const text = await readFile(new URL(`../${path}`, import.meta.url), 'utf8')
  return text.split('\n').filter(line => !/^\s*($|\/\/|\/\*\*.*\*\/$)/.test(line)).length
}
