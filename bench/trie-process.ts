// The filter trie with few and with many filters, in turns, by the thread's CPU time. The first line on standard output is the result.
import { FilterTrie } from '@thingmesh/core'
import { quantile } from './quantile.ts'
import type { TrieReading } from './trie.ts'

const FEW = 100
// More topics than fit into a cache, the same number in both cases.
const TOPICS = 65_536
const ROUNDS = 15
const WARM_UP_ROUNDS = 3
// Coprime to the number of topics and filters, so that neighbours in time are not neighbours in memory.
const STRIDE = 7_919

/** A third each: `+` at the end, `+` in between, `#`. */
function filterAt(i: number): string {
  const name = i.toString(16).padStart(6, '0')
  return [`bench/f/${name}/+`, `bench/+/${name}/v`, `bench/g/${name}/#`][i % 3]!
}

/** Matches filter `i` and no other one. */
function topicAt(i: number, unique: number): string {
  const name = i.toString(16).padStart(6, '0')
  return [`bench/f/${name}/u${unique}`, `bench/h${unique}/${name}/v`, `bench/g/${name}/u/${unique}`][i % 3]!
}

/** In one piece, as a decoder makes it, not as pieces that V8 joins later. */
function flat(text: string): string {
  return Buffer.from(text, 'utf8').toString('utf8')
}

interface Case {
  readonly filters: number
  readonly trie: FilterTrie<number>
  readonly topics: readonly string[]
  readonly samples: number[]
}

function caseOf(filters: number): Case {
  const trie = new FilterTrie<number>()
  for (let i = 0; i < filters; i++) trie.add(filterAt(i), i)
  const topics = Array.from({ length: TOPICS }, (_, i) => flat(topicAt((i * STRIDE) % filters, i)))
  return { filters, trie, topics, samples: [] }
}

function run({ trie, topics, samples }: Case, isMeasured: boolean): void {
  let matches = 0
  const before = process.threadCpuUsage()
  for (const topic of topics) matches += trie.match(topic).length
  const { user, system } = process.threadCpuUsage(before)
  if (matches !== topics.length) throw new Error(`${matches} matches for ${topics.length} topics`)
  if (isMeasured) samples.push(((user + system) * 1_000) / topics.length)
}

const [few, many] = [caseOf(FEW), caseOf(Number(process.argv[2]))]
const startedMs = performance.now()
const before = process.cpuUsage()
for (let round = 0; round < WARM_UP_ROUNDS + ROUNDS; round++) {
  for (const each of [few, many]) run(each, round >= WARM_UP_ROUNDS)
}
const readingOf = ({ filters, samples }: Case) => ({
  filters,
  nanoseconds: quantile(
    [...samples].sort((a, b) => a - b),
    0.5,
  ),
})
const own = process.cpuUsage(before)
const othersShare = Math.max(0, 1 - (own.user + own.system) / 1_000 / (performance.now() - startedMs))
const reading: TrieReading = { few: readingOf(few), many: readingOf(many), othersShare }
process.stdout.write(`${JSON.stringify(reading)}\n`)
