import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterEach, describe, it } from 'vitest'
import type { Store } from '../../src/contracts/index.ts'
import { memoryStore } from '../../src/store/memory/index.ts'
import { sqliteStore } from '../../src/store/sqlite/index.ts'
import { type StoreCapability, storeCases } from '../../src/testing/store-suite.ts'

interface Subject {
  readonly name: string
  readonly has: readonly StoreCapability[]
  readonly create: (directory: string) => Store
}

const subjects: readonly Subject[] = [
  { name: 'memoryStore', has: [], create: () => memoryStore() },
  {
    name: 'sqliteStore, process',
    has: ['restart'],
    create: directory => sqliteStore({ path: join(directory, 'hub.db'), durability: 'process' }),
  },
  {
    name: 'sqliteStore, disk',
    has: ['restart'],
    create: directory => sqliteStore({ path: join(directory, 'hub.db') }),
  },
]

for (const { name, has, create } of subjects) {
  describe(name, () => {
    const opened: Store[] = []
    const directories: string[] = []

    afterEach(async () => {
      for (const store of opened.splice(0)) await store.stop()
      for (const directory of directories.splice(0)) await rm(directory, { recursive: true })
    })

    for (const { name, needs, run } of storeCases) {
      it.skipIf(needs !== undefined && !has.includes(needs))(name, async () => {
        const directory = await mkdtemp(join(tmpdir(), 'thingmesh-store-'))
        directories.push(directory)
        await run(async () => {
          const store = create(directory)
          opened.push(store)
          await store.start()
          return store
        })
      })
    }
  })
}
