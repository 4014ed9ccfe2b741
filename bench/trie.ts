import { fileURLToPath } from 'node:url'
import { firstLine, type Processes } from './brokers/processes.ts'

/** What one match costs in the hub's own trie, without anything around it. */
export interface TrieReading {
  readonly few: { readonly filters: number; readonly nanoseconds: number }
  readonly many: { readonly filters: number; readonly nanoseconds: number }
  /** Of the time that it took, how much the core was somebody else's: they leave nothing of ours in its caches. */
  readonly othersShare: number
}

const TIMEOUT_MS = 120_000

/** Measured in a process of its own, on the broker's core. */
export async function measureTrie(processes: Processes, core: number, filters: number): Promise<TrieReading> {
  const script = fileURLToPath(new URL('./trie-process.ts', import.meta.url))
  const running = processes.start(core, [process.execPath, ...process.execArgv, script, String(filters)])
  try {
    return JSON.parse(await firstLine(running, TIMEOUT_MS)) as TrieReading
  } finally {
    await running.stop()
  }
}
