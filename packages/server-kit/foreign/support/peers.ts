import { accessSync, constants } from 'node:fs'
import { delimiter, join } from 'node:path'
import { it } from 'vitest'

const required = process.env.THINGMESH_REQUIRE_PEERS === '1'
// Where Debian has what only root calls; not on everybody's PATH.
const directories = [...(process.env.PATH ?? '').split(delimiter), '/usr/sbin', '/sbin']

/** Whether the tool is installed here. */
export function hasPeer(name: string): boolean {
  return directories.some(directory => {
    try {
      accessSync(join(directory, name), constants.X_OK)
      return true
    } catch {
      return false
    }
  })
}

/**
 * A test that takes the named tools. Where one is missing it is skipped and its name says why; with
 * THINGMESH_REQUIRE_PEERS=1 it fails instead, so that a CI that lost its tools does not stay green. What the machine
 * cannot do at all, `impossible`, is skipped by name in any case.
 */
export function itWith(peers: readonly string[], impossible?: string) {
  const missing = peers.filter(name => !hasPeer(name))
  const reason = impossible ?? (missing.length > 0 ? `${missing.join(' and ')} not installed` : undefined)
  return (name: string, test: () => Promise<void>, timeoutMs?: number): void => {
    if (reason === undefined) it(name, test, timeoutMs)
    else if (required && impossible === undefined) {
      it(name, () => {
        throw new Error(`cannot be tested here: ${reason}`)
      })
    } else it.skip(`${name} (skipped: ${reason})`, () => {})
  }
}
