import { fileURLToPath } from 'node:url'
import { gzipSync } from 'node:zlib'
import { build, type Plugin } from 'esbuild'
import { NONE, toTable, whole } from './report/text.ts'

export const SIZES_HELP = `Usage: npm run bench -- sizes

What a page loads of the client in a browser, and of MQTT.js: bundled and minified by esbuild, then gzipped at level 9.`

/** What a page may import, and the most that it may weigh where we hold ourselves to it. */
interface Bundle {
  readonly name: string
  readonly imports: readonly string[]
  readonly gzippedMax?: number
}

const mqtt = [
  `{ connect } from '@thingmesh/client-browser/mqtt'`,
  `{ indexedDbOutbox } from '@thingmesh/client-browser'`,
]
const codecs = [
  `{ cborCodec } from '@thingmesh/core/cbor'`,
  `{ resolveSenml, senmlJsonCodec } from '@thingmesh/core/senml'`,
  `{ senmlCborCodec } from '@thingmesh/core/senml-cbor'`,
]

export const BUNDLES: readonly Bundle[] = [
  { name: 'MQTT, outbox, JSON', imports: mqtt, gzippedMax: 15_000 },
  { name: 'MQTT, outbox, JSON, CBOR, SenML', imports: [...mqtt, ...codecs], gzippedMax: 28_000 },
  { name: 'HTTP, JSON', imports: [`{ connect } from '@thingmesh/client-browser/http'`] },
  {
    name: 'MQTT or HTTP by url, outbox, JSON',
    imports: [`{ connect, indexedDbOutbox } from '@thingmesh/client-browser'`],
  },
  { name: 'MQTT.js', imports: [`{ default } from 'mqtt'`] },
]

export interface Size {
  readonly minified: number
  readonly gzipped: number
}

/** Takes no package's word for it that to import it does nothing: what its modules do when they are loaded stays. */
const distrustful: Plugin = {
  name: 'distrustful',
  setup({ onResolve, resolve }) {
    onResolve({ filter: /.*/ }, async ({ path, resolveDir, kind, pluginData }) => {
      if (pluginData === distrustful) return undefined
      return { ...(await resolve(path, { resolveDir, kind, pluginData: distrustful })), sideEffects: true }
    })
  },
}

/** Of a page that uses the imports, or for `import 'x'`, only has them done. Throws where they cannot be bundled. */
export async function measure(source: string, { trusts = true } = {}): Promise<Size> {
  const { outputFiles } = await build({
    stdin: { contents: source, resolveDir: fileURLToPath(new URL('.', import.meta.url)) },
    conditions: ['@thingmesh/source'],
    bundle: true,
    minify: true,
    format: 'esm',
    platform: 'browser',
    target: 'es2022',
    write: false,
    logLevel: 'silent',
    plugins: trusts ? [] : [distrustful],
  })
  const { contents } = outputFiles[0]!
  return { minified: contents.length, gzipped: gzipSync(contents, { level: 9 }).length }
}

export function measureBundle({ imports }: Bundle): Promise<Size> {
  return measure(imports.map(what => `export ${what}`).join('\n'))
}

/** Markdown. */
export async function runSizes(args: readonly string[]): Promise<string> {
  if (args[0] === '--help') return `${SIZES_HELP}\n`
  if (args.length > 0) throw new TypeError('sizes takes nothing')
  const lines = BUNDLES.map(async bundle => {
    const { minified, gzipped } = await measureBundle(bundle)
    return [
      bundle.name,
      whole(minified),
      whole(gzipped),
      bundle.gzippedMax === undefined ? NONE : whole(bundle.gzippedMax),
    ]
  })
  const columns = ['a page that imports', 'minified, bytes', 'gzipped, bytes', 'at most']
  return toTable(columns, 1, await Promise.all(lines)).join('\n')
}
