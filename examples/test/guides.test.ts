import { glob, readFile } from 'node:fs/promises'
import { fileURLToPath } from 'node:url'
import { expect, it } from 'vitest'

const root = fileURLToPath(new URL('../..', import.meta.url))
const copied = [
  'README.md',
  'docs/*.md',
  'packages/*/README.md',
  'examples/{device,embed,esp-style,rule,server,typed}/*.ts',
]

it('nothing that one copies has syntax that Node 22 does not know', async () => {
  const paths: string[] = []
  for await (const path of glob(copied, { cwd: root })) paths.push(path)
  const found: string[] = []
  for (const path of paths) {
    const lines = (await readFile(`${root}/${path}`, 'utf8')).split('\n')
    found.push(...lines.filter(line => /^\s*(await )?using \w+ =/.test(line)).map(line => `${path}: ${line}`))
  }
  expect(paths).toContain('docs/CLIENTS.md')
  expect(found).toEqual([])
})
