// The one entry of every npm script. Runs on whatever Node is there, installs what is missing, and goes on under the
// Node that the workspace brings. Nothing but Node and npm has to be there before.
import { spawn } from 'node:child_process'
import { createHash } from 'node:crypto'
import { existsSync, mkdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { delimiter, join } from 'node:path'
import { fileURLToPath } from 'node:url'

const root = fileURLToPath(new URL('..', import.meta.url))
const bin = join(root, 'node_modules', '.bin')
const pnpm = ['--yes', 'pnpm@12.21.0']
const commandLine = 'packages/server-kit/src/cli/main.ts'
const fromSources = [
  '--conditions=@thingmesh/source',
  // Node strips types by WebAssembly, and V8 was seen to crash where a worker ended while it was compiling that anew.
  '--wasm-wrapper-tiering-budget=1000000000',
]

/** What V8 may take for short-lived objects: docs/EMBEDDING.md, "Memory". */
const frugal = ['--max-semi-space-size=16']

const tasks = {
  start: args => node([...frugal, 'examples/quick-start/main.ts', ...args]),
  hub: args => node([...frugal, commandLine, 'serve', ...args]),
  thingmesh: args => node([commandLine, ...args]),
  bench: args => node(['bench/main.ts', ...args]),
  build: () => run('npx', [...pnpm, '--recursive', '--filter', './packages/*', 'run', 'build'], { quiet: true }),
  format: () => run('biome', ['check', '--write', '.']),
  check,
  test,
  fuzz,
}

async function check() {
  await run('biome', ['check', '.'])
  await Promise.all([checkSources(), checkPackages()])
}

async function checkSources() {
  for (const project of projects) await run('tsc', ['--project', project])
  await run('depcruise', ['--config', '.dependency-cruiser.cjs', 'packages', 'examples', 'bench'])
  await run('knip', [])
}

async function checkPackages() {
  await tasks.build()
  for (const name of packages) {
    await run('publint', ['--strict', '--pack', 'npm', join('packages', name)], { quiet: true })
    // ESM only, so what matters is how a bundler and Node's `import` see it.
    await run('attw', ['--pack', join('packages', name), '--profile', 'esm-only', '--format', 'ascii'], { quiet: true })
  }
}

/** `npm test -- --project core` runs one part of the tests, without the checks. The foreign ones run what is built, as others do where asked. */
async function test(args) {
  if (args.length === 0) await check()
  else if (args.includes('foreign') || process.env.THINGMESH_BUILT === '1') await tasks.build()
  const report = join(root, '.cache', 'vitest.json')
  mkdirSync(join(root, '.cache'), { recursive: true })
  rmSync(report, { force: true })
  try {
    await run('vitest', ['run', '--reporter=default', '--reporter=json', `--outputFile.json=${report}`, ...args])
  } finally {
    if (existsSync(report)) {
      const { numPassedTests, numFailedTests, numPendingTests } = JSON.parse(readFileSync(report, 'utf8'))
      console.log(`${numPassedTests} passed, ${numFailedTests} failed, ${numPendingTests} skipped`)
    }
  }
}

const generating = {
  codec: { project: 'core', file: 'packages/core/test/bindings/mqtt/fuzz.test.ts', runs: 20_000 },
  sequences: { project: 'server-kit', file: 'packages/server-kit/test/listeners/mqtt/sequences.test.ts', runs: 1_000 },
}

/** `npm run fuzz -- codec` runs the tests that generate their input, with a new seed each time, until one fails. */
async function fuzz([name, times = 'for ever']) {
  const { project, file, runs } = generating[name] ?? {}
  if (file === undefined) {
    console.error(`usage: npm run fuzz -- ${Object.keys(generating).join('|')} [times]`)
    process.exit(2)
  }
  process.env.THINGMESH_FUZZ_RUNS ??= String(runs)
  for (let turn = 0; times === 'for ever' || turn < Number(times); turn++) {
    await run('vitest', ['run', '--project', project, file])
  }
}

const packages = ['core', 'client-node', 'client-browser', 'server-kit']
const projects = [
  'packages/core',
  'packages/core/tsconfig.test.json',
  'packages/client-node',
  'packages/client-browser',
  'packages/client-browser/tsconfig.test.json',
  'packages/server-kit',
  'examples',
  'examples/dashboard/page',
  'bench',
]

function node(args) {
  return run('node', [...fromSources, ...args])
}

const running = new Set()

/** Settles when the command ends well. Its exit code is ours otherwise, and the signals that we get are its. */
function run(command, args, { quiet = false } = {}) {
  return new Promise(resolve => {
    const child = spawn(command, args, {
      cwd: root,
      env: { ...process.env, PATH: `${bin}${delimiter}${process.env.PATH}` },
      stdio: quiet ? ['inherit', 'pipe', 'pipe'] : 'inherit',
    })
    running.add(child)
    const kept = []
    for (const stream of [child.stdout, child.stderr]) stream?.on('data', chunk => kept.push(chunk))
    const signals = ['SIGINT', 'SIGTERM']
    const pass = signal => child.kill(signal)
    for (const signal of signals) process.on(signal, pass)
    // A signal to npm ends npm and its shell, and tells nobody: being an orphan is how one learns of it.
    const parent = process.ppid
    const orphaned = setInterval(() => process.ppid === parent || child.kill('SIGTERM'), 250).unref()
    child.on('error', error => {
      console.error(`cannot run ${command}: ${error.message}`)
      process.exit(1)
    })
    child.on('close', code => {
      for (const signal of signals) process.off(signal, pass)
      clearInterval(orphaned)
      running.delete(child)
      if (code !== 0) {
        process.stderr.write(Buffer.concat(kept))
        // What a program of ours has to say it has said; of a check one wants to know which it was.
        if (!signalled(code) && command !== 'node') console.error(`\n${command} ${args.join(' ')}: exit code ${code}`)
        process.exitCode ??= code ?? 1
      }
      if (process.exitCode === undefined) return resolve()
      // What runs beside it comes to its end, and nothing follows it.
      if (running.size === 0) process.exit()
    })
  })
}

function signalled(code) {
  return code === null || code === 130 || code === 143
}

/** Installs exactly what the lock file says, when that has not been done for this very lock file. */
async function install() {
  const stamp = join(root, 'node_modules', '.thingmesh-installed')
  const wanted = createHash('sha256')
  for (const file of ['pnpm-lock.yaml', 'pnpm-workspace.yaml', 'package.json'])
    wanted.update(readFileSync(join(root, file)))
  const digest = wanted.digest('hex')
  if (existsSync(stamp) && readFileSync(stamp, 'utf8') === digest) return
  console.error('installing…')
  await run('npx', [...pnpm, 'install', '--frozen-lockfile'], { quiet: true })
  writeFileSync(stamp, digest)
}

const [name, ...args] = process.argv.slice(2)
const task = Object.hasOwn(tasks, name ?? '') ? tasks[name] : undefined
if (task === undefined) {
  console.error(`usage: node scripts/run.mjs ${Object.keys(tasks).join('|')}`)
  process.exit(2)
}
await install()
await task(args)
