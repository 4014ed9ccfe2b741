import { execFile } from 'node:child_process'
import { existsSync } from 'node:fs'
import { mkdir, mkdtemp, readFile, rm, symlink, writeFile } from 'node:fs/promises'
import { findPackageJSON } from 'node:module'
import { tmpdir } from 'node:os'
import { dirname, join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { promisify } from 'node:util'
import { expect, it, onTestFinished } from 'vitest'

const run = promisify(execFile)
const packages = fileURLToPath(new URL('../../packages/', import.meta.url))

// Without the condition `@thingmesh/source`: what a user's Node sees.
const asUser = (script: string) =>
  run(process.execPath, ['--input-type=module', '--eval', script], {
    cwd: fileURLToPath(new URL('..', import.meta.url)),
  })

async function entriesOf(name: string): Promise<string[]> {
  const { exports } = JSON.parse(await readFile(join(packages, name, 'package.json'), 'utf8'))
  return Object.keys(exports)
    .filter(entry => entry !== './package.json')
    .map(entry => join(`@thingmesh/${name}`, entry))
}

async function filesOf(name: string): Promise<string[]> {
  const { exports } = JSON.parse(await readFile(join(packages, name, 'package.json'), 'utf8'))
  const conditions: unknown[] = Object.values(exports)
  const files = conditions.flatMap(entry => (typeof entry === 'string' ? [] : (entry as { default: string }).default))
  return files.map(file => join(packages, name, file))
}

/** Run by the user's Node: imports one entry and prints the files that this loaded. */
const loadedBy = (entries: readonly string[]) => `
  import { registerHooks } from 'node:module'
  const loaded = []
  registerHooks({ load(url, context, next) { loaded.push(url); return next(url, context) } })
  for (const entry of ${JSON.stringify(entries)}) await import(entry)
  console.log(JSON.stringify(loaded))
`

it.each(['core', 'client-node', 'client-browser', 'server-kit'])(
  'every entry of %s imports, and does nothing else',
  async name => {
    const entries = await entriesOf(name)
    // The examples use not all of the packages, so not all can be resolved from here.
    const resolvable = name.startsWith('client-') ? await filesOf(name) : entries
    const { stdout, stderr } = await asUser(loadedBy(resolvable))
    expect(stderr).toBe('')
    expect(JSON.parse(stdout).length).toBeGreaterThanOrEqual(entries.length)
  },
)

interface Manifest {
  readonly name: string
  readonly scripts?: Readonly<Record<string, string>>
  readonly dependencies?: Readonly<Record<string, string>>
  readonly optionalDependencies?: Readonly<Record<string, string>>
  readonly peerDependencies?: Readonly<Record<string, string>>
  readonly peerDependenciesMeta?: Readonly<Record<string, { readonly optional?: boolean }>>
}

/** What npm installs with a package, by the name of each and what npm would run for it. */
async function installedWith(
  manifestPath: string,
  found = new Map<string, string[]>(),
): Promise<Map<string, string[]>> {
  if (found.has(manifestPath)) return found
  const manifest: Manifest = JSON.parse(await readFile(manifestPath, 'utf8'))
  const runs = ['preinstall', 'install', 'postinstall'].filter(script => manifest.scripts?.[script] !== undefined)
  // Where there is no script npm builds by this file.
  if (existsSync(join(dirname(manifestPath), 'binding.gyp'))) runs.push('node-gyp')
  found.set(
    manifestPath,
    runs.map(script => `${manifest.name}: ${script}`),
  )
  const peers = Object.keys(manifest.peerDependencies ?? {}).filter(
    name => manifest.peerDependenciesMeta?.[name]?.optional !== true,
  )
  const needed = [...Object.keys({ ...manifest.dependencies, ...manifest.optionalDependencies }), ...peers]
  for (const name of needed) {
    // Throws for what is not installed here: of an optional dependency nobody could say.
    await installedWith(findPackageJSON(name, manifestPath)!, found)
  }
  return found
}

it.each(['core', 'client-node', 'client-browser', 'server-kit'])(
  'no script runs where %s is installed, and nothing is built',
  async name => {
    const installed = await installedWith(join(packages, name, 'package.json'))
    expect(installed.size).toBeGreaterThan(1)
    expect([...installed.values()].flat()).toEqual([])
  },
)

it.each([
  { where: 'a page', names: ['core', 'client-browser'], options: { lib: ['ES2022', 'DOM'], types: [] } },
  { where: 'Node', names: ['core', 'client-node', 'server-kit'], options: { lib: ['ES2022'], types: ['node'] } },
])('the types compile in $where, and so do those that they are made of', async ({ names, options }) => {
  const project = await mkdtemp(join(tmpdir(), 'thingmesh-types-'))
  onTestFinished(() => rm(project, { recursive: true }))
  const modules = join(project, 'node_modules')
  await mkdir(join(modules, '@thingmesh'), { recursive: true })
  for (const name of names) await symlink(join(packages, name), join(modules, '@thingmesh', name))
  const root = join(packages, '../node_modules')
  await symlink(join(root, '@types'), join(modules, '@types'))
  // MQTT.js is the user's own where it is there.
  const entries = (await Promise.all(names.map(entriesOf))).flat().filter(entry => !entry.endsWith('/mqttjs'))
  await writeFile(
    join(project, 'all.ts'),
    entries.map((entry, index) => `export * as entry${index} from '${entry}'\n`).join(''),
  )
  const compilerOptions = {
    ...options,
    module: 'NodeNext',
    target: 'ES2022',
    strict: true,
    skipLibCheck: false,
    noEmit: true,
  }
  await writeFile(join(project, 'package.json'), '{ "type": "module" }')
  await writeFile(join(project, 'tsconfig.json'), JSON.stringify({ compilerOptions, files: ['all.ts'] }))
  const compiler = join(root, 'typescript/bin/tsc')
  const { stdout } = await run(process.execPath, [compiler, '--project', project]).catch(
    (error: { stdout: string }) => error,
  )
  expect(stdout).toBe('')
})

it('who imports only the hub and HTTP loads no MQTT code and no SQLite', async () => {
  const { stdout } = await asUser(loadedBy(['@thingmesh/server-kit', '@thingmesh/server-kit/http']))
  const files: string[] = JSON.parse(stdout).filter((url: string) => url.startsWith('file:'))
  const texts = await Promise.all(files.map(url => readFile(fileURLToPath(url), 'utf8')))
  const loaded = texts.join('\n')
  expect(loaded).toContain('HubSession')
  expect(loaded).not.toMatch(/MqttEngine|PacketParser|new Worker\(|from "jose"/)
})

it('a built hub keeps what it acknowledged, over a restart', async () => {
  const directory = await mkdtemp(join(tmpdir(), 'thingmesh-built-'))
  onTestFinished(() => rm(directory, { recursive: true }))
  const path = join(directory, 'hub.db')
  const start = `
    import { createHub } from '@thingmesh/server-kit'
    import { memoryListener } from '@thingmesh/server-kit/memory'
    import { sqliteStore } from '@thingmesh/server-kit/sqlite'
    const door = memoryListener()
    const hub = await createHub({ store: sqliteStore({ path: ${JSON.stringify(path)} }), listeners: [door] })
    await hub.start()
  `
  const write = `${start}
    await hub.control.channels.create({ name: 'telemetry' })
    const app = await door.connect({ credential: { kind: 'token', token: hub.adminToken } })
    await app.publish('telemetry/a', new TextEncoder().encode('kept'))
    console.log(hub.adminToken)
    process.kill(process.pid, 'SIGKILL')
  `
  const written = await asUser(write).catch((error: { stdout: string; signal: string }) => error)
  expect(written).toMatchObject({ signal: 'SIGKILL' })
  const token = written.stdout.trim()
  const { stdout } = await asUser(`${start}
    const app = await door.connect({ credential: { kind: 'token', token: ${JSON.stringify(token)} } })
    const { messages } = await app.read({ filter: 'telemetry/#' })
    console.log(JSON.stringify(messages.map(({ payload }) => new TextDecoder().decode(payload))))
    await hub.stop()
  `)
  expect(JSON.parse(stdout)).toEqual(['kept'])
})
