import { availableParallelism } from 'node:os'
import { defineConfig } from 'vitest/config'

// Tests run against the sources: the `@thingmesh/source` condition in every package's `exports` points at them. Without it, those
// that name the packages run against what is built.
const sources = process.env.THINGMESH_BUILT === '1' ? [] : ['@thingmesh/source']
// No `import`: what imports has it anyhow, and Node would be told it for what requires too.
const conditions = [...sources, 'node']

// The second flag: see scripts/run.mjs.
const execArgv = [...sources.map(name => `--conditions=${name}`), '--wasm-wrapper-tiering-budget=1000000000']

// Most wait for a peer most of the time, so two at once take little more than half as long, on two cores too.
const together = { maxWorkers: Math.max(2, availableParallelism() - 1), sequence: { groupOrder: 0 } }
// What compares rates, or gives a server a core of its own, has the machine to itself: after the others, one by one.
const alone = { maxWorkers: 1, sequence: { groupOrder: 1 } }

const project = (name: string, include: string[], testTimeout: number, workers = together) => ({
  resolve: { conditions },
  ssr: { resolve: { conditions, externalConditions: conditions } },
  test: { name, include, testTimeout, hookTimeout: 30_000, execArgv, ...workers },
})

export default defineConfig({
  test: {
    projects: [
      project('core', ['packages/core/test/**/*.test.ts'], 20_000),
      project('client', ['packages/client-*/test/**/*.test.ts'], 20_000),
      project('server-kit', ['packages/server-kit/test/**/*.test.ts'], 30_000),
      project('foreign', ['packages/*/foreign/**/*.test.ts'], 120_000, alone),
      project('examples', ['examples/{,*/}test/**/*.test.ts'], 60_000),
      project('bench', ['bench/test/**/*.test.ts'], 60_000, alone),
    ],
  },
})
