import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { dirname, join, resolve } from 'node:path'
import { Processes } from './brokers/processes.ts'

/** Where one run of a bench keeps what it makes: processes, and a directory that is gone afterwards. */
export interface Workplace {
  readonly processes: Processes
  readonly workDir: string
  /** The user wants no more: a row that was under way failed of it, and the next one would find the directory gone. */
  isInterrupted(): boolean
}

/** Runs the work and clears up after it, however it ends. */
export async function inWorkplace<T>(dataDir: string, work: (workplace: Workplace) => Promise<T>): Promise<T> {
  const processes = new Processes()
  const workDir = mkdtempSync(join(dataDir, 'thingmesh-bench-'))
  const cleanUp = async (): Promise<void> => {
    await processes.stopAll()
    rmSync(workDir, { recursive: true, force: true })
  }
  let interrupted = false
  const onSignal = (): void => {
    interrupted = true
    void cleanUp().finally(() => process.exit(130))
  }
  process.once('SIGINT', onSignal).once('SIGTERM', onSignal)
  try {
    return await work({ processes, workDir, isInterrupted: () => interrupted })
  } finally {
    process.off('SIGINT', onSignal).off('SIGTERM', onSignal)
    await cleanUp()
  }
}

/** Rows that are held against each other take turns, so that a machine which drifts is not one broker's luck. */
export function* turnsOf<Plan>(
  plans: readonly Plan[],
  repeat: number,
  groupOf: (plan: Plan) => string,
): Generator<{ run: number; plan: Plan }> {
  for (const group of Map.groupBy(plans, groupOf).values()) {
    for (let run = 1; run <= repeat; run++) for (const plan of group) yield { run, plan }
  }
}

/** Those that can run here, and why the others cannot. */
export async function findPresent<
  Peer extends {
    readonly name: string
    version(): Promise<{ readonly version: string } | { readonly missing: string }>
  },
>(candidates: readonly Peer[]) {
  const present: Peer[] = []
  const peers: { name: string; version: string }[] = []
  const missing: { name: string; reason: string }[] = []
  for (const peer of candidates) {
    const { name } = peer
    const found = await peer.version()
    if ('missing' in found) {
      missing.push({ name, reason: found.missing })
    } else {
      present.push(peer)
      peers.push({ name, version: found.version })
    }
  }
  return { present, peers, missing }
}

/** One directory per run, made empty: Node's names of profiles do not say what they are of. */
export function emptyDirectory(parent: string, name: string): string {
  const directory = resolve(parent, name.replaceAll(' ', '-'))
  rmSync(directory, { recursive: true, force: true })
  mkdirSync(directory, { recursive: true })
  return directory
}

export function save(path: string, markdown: string): void {
  mkdirSync(dirname(path), { recursive: true })
  writeFileSync(path, markdown)
}
