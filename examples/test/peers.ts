import { spawn, spawnSync } from 'node:child_process'
import { once } from 'node:events'

/** Whether a program of somebody else's is there. `THINGMESH_REQUIRE_PEERS=1` makes it an error that one is not. */
export function hasPeer(program: string): boolean {
  const found = spawnSync('sh', ['-c', `command -v ${program}`]).status === 0
  if (!found && process.env.THINGMESH_REQUIRE_PEERS === '1') {
    throw new Error(`${program} is not installed, and THINGMESH_REQUIRE_PEERS=1 asks for it`)
  }
  if (!found) console.warn(`skipped: what needs ${program}, which is not installed`)
  return found
}

export interface Pasted {
  readonly code: number | null
  readonly out: string
  readonly err: string
}

/** Runs a line the way that a shell runs it when somebody pastes it. Ended as by Ctrl-C once the output satisfies. */
export async function paste(line: string, isEnough?: (out: string) => boolean): Promise<Pasted> {
  // `exec` puts the program in the shell's place, so that the signal reaches it.
  const child = spawn('sh', ['-c', `exec ${line}`], { stdio: ['ignore', 'pipe', 'pipe'] })
  let out = ''
  let err = ''
  child.stdout.on('data', chunk => {
    out += chunk
    if (isEnough?.(out) === true) child.kill('SIGINT')
  })
  child.stderr.on('data', chunk => {
    err += chunk
  })
  const [code] = (await once(child, 'close')) as [number | null]
  return { code, out, err }
}
