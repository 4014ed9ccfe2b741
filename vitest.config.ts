import { defineConfig } from 'vitest/config'

// Tests run against the sources: the `@thingmesh/source` condition in every package's `exports` points at them. Without it, those
// that name the packages run against what is built.
const sources = process.env.THINGMESH_BUILT === '1' ? [] : ['@thingmesh/source']
// No `import`: what imports has it anyhow, and Node would be told it for what requires too.
const conditions = [...sources, 'node']

// The second flag: see scripts/run.mjs.
const execArgv = [...sources.map(name => `--conditions=${name}`), '--wasm-wrapper-tiering-budget=1000000000']

const project = (name: string, include: string[], testTimeout: number) => ({
  resolve: { conditions },
  ssr: { resolve: { conditions, externalConditions: conditions } },
  test: { name, include, testTimeout, hookTimeout: 30_000, execArgv },
})

export default defineConfig({
  test: {
    projects: [
      project('core', ['packages/core/test/**/*.test.ts'], 20_000),
      project('client', ['packages/client-*/test/**/*.test.ts'], 20_000),
      project('server-kit', ['packages/server-kit/test/**/*.test.ts'], 30_000),
      project('foreign', ['packages/*/foreign/**/*.test.ts'], 120_000),
      project('examples', ['examples/{,*/}test/**/*.test.ts'], 60_000),
      project('bench', ['bench/test/**/*.test.ts'], 60_000),
    ],
  },
})
