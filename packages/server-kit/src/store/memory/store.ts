import { randomBytes } from 'node:crypto'
import type { Store } from '../../contracts/index.ts'
import { checkOptions } from '../../contracts/options.ts'
import { Gate } from './gate.ts'
import { MemoryGroups } from './groups.ts'
import { MemoryKeys } from './keys.ts'
import { MemoryLog } from './log.ts'
import { MemoryRegistry } from './registry.ts'
import { MemoryRetained } from './retained.ts'
import { MemorySessions } from './sessions.ts'

export interface MemoryStoreOptions {
  /** Who numbers the messages; random by default. */
  readonly origin?: string | undefined
}

/**
 * A store that is gone with its process and says so: `durability` is `memory`. What it holds is bounded by retention
 * alone. Stopping it keeps the data for as long as the object lives.
 */
export function memoryStore(options: MemoryStoreOptions = {}): Store {
  checkOptions('memoryStore', options, { origin: true })
  const origin = options.origin ?? randomBytes(16).toString('hex')
  const gate = new Gate()
  const retained = new MemoryRetained(gate)
  const sessions = new MemorySessions(gate)
  const keys = new MemoryKeys(gate)
  return {
    durability: 'memory',
    start: () => {
      gate.isOpen = true
      return Promise.resolve()
    },
    stop: () => {
      gate.isOpen = false
      return Promise.resolve()
    },
    log: new MemoryLog({ origin, epoch: randomBytes(16).toString('hex') }, { retained, sessions, keys, gate }),
    retained,
    sessions,
    groups: new MemoryGroups(gate),
    keys,
    registry: new MemoryRegistry(gate),
  }
}
