import { readFileSync } from 'node:fs'
import { fileURLToPath } from 'node:url'
import { describe, expect, it } from 'vitest'

const root = new URL('../../../', import.meta.url)
const read = (path: string) => readFileSync(fileURLToPath(new URL(path, root)), 'utf8')

/** Sections with numbered statements, and the last number of each: appendix B of the specification. Counted from 1 unless a first is given. */
type Sections = Readonly<Record<string, number | readonly [first: number, last: number]>>

const mqtt5: Sections = {
  '1.5.4': 3,
  '1.5.5': 1,
  '1.5.7': 1,
  '2.1.3': 1,
  '2.2.1': [2, 6],
  '2.2.2': 1,
  '3.1.0': 2,
  '3.1.2': 30,
  '3.1.3': 12,
  '3.1.4': 6,
  '3.2.0': 2,
  '3.2.2': 22,
  '3.3.1': 13,
  '3.3.2': 20,
  '3.3.4': 10,
  '3.4.2': 3,
  '3.5.2': 3,
  '3.6.1': 1,
  '3.6.2': 3,
  '3.7.2': 3,
  '3.8.1': 1,
  '3.8.3': 5,
  '3.8.4': 8,
  '3.9.2': 2,
  '3.9.3': 2,
  '3.10.1': 1,
  '3.10.3': 2,
  '3.10.4': 6,
  '3.11.2': 2,
  '3.11.3': 2,
  '3.12.4': 1,
  '3.14.0': 1,
  '3.14.1': 1,
  '3.14.2': 4,
  '3.14.4': 3,
  '3.15.1': 1,
  '3.15.2': 3,
  '4.1.0': 2,
  '4.2.0': 1,
  '4.3.1': 1,
  '4.3.2': 5,
  '4.3.3': 13,
  '4.4.0': 2,
  '4.5.0': 2,
  '4.6.0': 6,
  '4.7.0': 1,
  '4.7.1': 2,
  '4.7.2': 1,
  '4.7.3': 4,
  '4.8.2': 6,
  '4.9.0': 3,
  '4.12.0': 7,
  '4.12.1': 2,
  '4.13.1': 1,
  '4.13.2': 1,
  '6.0.0': 4,
}

const mqtt311: Sections = {
  '1.5.3': 3,
  '2.2.2': 2,
  '2.3.1': 7,
  '3.1.0': 2,
  '3.1.2': 24,
  '3.1.3': 11,
  '3.1.4': 5,
  '3.2.0': 1,
  '3.2.2': 6,
  '3.3.1': 12,
  '3.3.2': 3,
  '3.3.4': 1,
  '3.3.5': 2,
  '3.6.1': 1,
  '3.8.1': 1,
  '3.8.3': 4,
  '3.8.4': 6,
  '3.9.3': 2,
  '3.10.1': 1,
  '3.10.3': 2,
  '3.10.4': 6,
  '3.12.4': 1,
  '3.14.1': 1,
  '3.14.4': 3,
  '4.1.0': 2,
  '4.3.1': 1,
  '4.3.2': 2,
  '4.3.3': 2,
  '4.4.0': 1,
  '4.5.0': 2,
  '4.6.0': 6,
  '4.7.1': 3,
  '4.7.2': 1,
  '4.7.3': 4,
  '4.8.0': 2,
  '6.0.0': 4,
  '7.0.0': 2,
  '7.1.1': 1,
  '7.1.2': 1,
}

function statementsOf(sections: Sections): readonly string[] {
  return Object.entries(sections).flatMap(([section, numbers]) => {
    const [first, last] = typeof numbers === 'number' ? [1, numbers] : numbers
    return Array.from({ length: last - first + 1 }, (_, i) => `MQTT-${section}-${first + i}`)
  })
}

interface Row {
  readonly id: string
  readonly rule: string
  readonly binds: string
  readonly evidence: string
}

const page = read('docs/protocol/mqtt-conformance.md')

/** The cells of the tables below one heading, without those of the heading row. */
function rowsOf(heading: string): readonly (readonly string[])[] {
  const [, section = ''] = page.split(`\n## ${heading}\n`)
  const lines = section.split('\n## ')[0]!.split('\n')
  const rows = lines.filter(line => line.startsWith('|')).map(line => line.slice(1, -1).split('|'))
  return rows.slice(2).map(cells => cells.map(cell => cell.trim()))
}

function statements(heading: string): readonly Row[] {
  return rowsOf(heading).map(cells => {
    const [id = '', rule = '', binds = '', evidence = ''] = cells
    if (cells.length !== 4) throw new Error(`${id}: ${cells.length} cells`)
    return { id, rule, binds, evidence }
  })
}

/** The titles that keys stand for, each with the source that has to have it. */
const tests = new Map<string, { readonly title: string; readonly source: string }>()
let source = ''
for (const [cell = '', text = ''] of rowsOf('Tests')) {
  const key = cell.slice(1, -1)
  const [, path] = /^\[.+\]\(\.\.\/\.\.\/(.+)\)$/.exec(text) ?? []
  if (path !== undefined) source = read(path)
  else if (tests.has(key)) throw new Error(`${key} is there twice`)
  else tests.set(key, { title: text, source })
}

/** What is wrong with what a row is shown by, `undefined` where nothing is. */
function faultOf(evidence: string): string | undefined {
  if (evidence === 'pending' || /^(does not apply|not seen): \S/.test(evidence)) return undefined
  for (const piece of evidence.split(', ')) {
    const [, key = ''] = /^`([^`]+)`$/.exec(piece) ?? []
    if (!tests.has(key)) return `${piece} is neither a test of the list nor a word for its absence`
  }
  return undefined
}

describe.each([
  ['MQTT 5.0', mqtt5, 251],
  ['MQTT 3.1.1', mqtt311, 141],
] as const)('the table of %s', (heading, sections, count) => {
  const rows = statements(heading)

  it('has each statement once, in order', () => {
    expect(rows.map(({ id }) => id)).toEqual(statementsOf(sections))
    expect(rows.length).toBe(count)
  })

  it('says in each row what the rule is, whom it binds, and by what it is shown', () => {
    for (const { id, rule, binds, evidence } of rows) {
      expect(rule, id).not.toBe('')
      expect(binds, id).toMatch(/^(server|client|both)$/)
      expect(faultOf(evidence), id).toBeUndefined()
    }
  })

  it('says which rows are pending, and how many', () => {
    const pending = rows.filter(({ evidence }) => evidence === 'pending').map(({ id }) => id)
    process.stdout.write(`${heading}: ${rows.length} statements, ${pending.length} pending: ${pending.join(' ')}\n`)
    // With a test it is not pending any more.
    expect(rows.filter(({ evidence }) => evidence !== 'pending' && /\bpending\b/.test(evidence))).toEqual([])
  })

  it('does not excuse the hub from what binds it by what cannot be seen', () => {
    for (const { id, binds, evidence } of rows) {
      if (evidence.startsWith('not seen')) expect(binds, id).toBe('client')
    }
  })
})

describe('the tests that are named', () => {
  it('are there, under those titles', () => {
    for (const [key, { title, source }] of tests) {
      const quoted = [`'${title}'`, `"${title}"`, `\`${title}\``]
      expect(
        quoted.some(literal => source.includes(literal)),
        `${key}: ${title}`,
      ).toBe(true)
    }
  })

  it('are each of use to a row', () => {
    const used = new Set(['MQTT 5.0', 'MQTT 3.1.1'].flatMap(statements).flatMap(({ evidence }) => evidence.split(', ')))
    expect([...tests.keys()].filter(key => !used.has(`\`${key}\``))).toEqual([])
  })
})
