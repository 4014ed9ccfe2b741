import { readFile } from 'node:fs/promises'
import { fileURLToPath } from 'node:url'
import type { Pages } from '@thingmesh/server-kit/http'
import { build } from 'esbuild'

const directory = new URL('./page/', import.meta.url)

/** Bundles the dashboard from its sources, in memory: what `httpListener({ pages })` takes. Takes less than a second. */
export async function dashboardPages(): Promise<Pages> {
  const { outputFiles } = await build({
    entryPoints: ['main.ts', 'styles/dashboard.css'].map(file => fileURLToPath(new URL(file, directory))),
    outdir: fileURLToPath(directory),
    bundle: true,
    write: false,
    minify: true,
    format: 'esm',
    target: ['es2022', 'chrome123', 'firefox120', 'safari17.5'],
    conditions: ['@thingmesh/source'],
    logLevel: 'silent',
  })
  const output = (extension: string): Uint8Array => {
    const file = outputFiles.find(({ path }) => path.endsWith(extension))
    if (file === undefined) throw new Error(`the bundler made no ${extension}`)
    return file.contents
  }
  return {
    '/': { contentType: 'text/html; charset=utf-8', body: await readFile(new URL('index.html', directory)) },
    '/dashboard.js': { contentType: 'text/javascript; charset=utf-8', body: output('.js') },
    '/dashboard.css': { contentType: 'text/css; charset=utf-8', body: output('.css') },
    '/icon.svg': { contentType: 'image/svg+xml', body: await readFile(new URL('icon.svg', directory)) },
  }
}
