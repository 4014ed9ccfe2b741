import { readdir, readFile, stat } from 'node:fs/promises'
import { extname, join } from 'node:path'
import { checkOptions } from '../../contracts/options.ts'
import type { PageFile, Pages } from './pages.ts'

const contentTypes: Readonly<Record<string, string>> = {
  '.css': 'text/css; charset=utf-8',
  '.html': 'text/html; charset=utf-8',
  '.ico': 'image/x-icon',
  '.jpg': 'image/jpeg',
  '.js': 'text/javascript; charset=utf-8',
  '.json': 'application/json',
  '.map': 'application/json',
  '.mjs': 'text/javascript; charset=utf-8',
  '.png': 'image/png',
  '.svg': 'image/svg+xml',
  '.txt': 'text/plain; charset=utf-8',
  '.wasm': 'application/wasm',
  '.webmanifest': 'application/manifest+json',
  '.webp': 'image/webp',
  '.woff2': 'font/woff2',
}

export interface ReadPagesOptions {
  /** 1,000 by default. */
  readonly filesMax?: number
  /** Of all files together. 67,108,864 by default. */
  readonly bytesMax?: number
}

/**
 * A directory's files as pages, read once: what a bundler has built. `index.html` is the page of its folder. Links and
 * files whose name begins with a dot are left out. Throws `TypeError` beyond a limit, and what the file system does.
 */
export async function readPages(directory: string, options: ReadPagesOptions = {}): Promise<Pages> {
  const { filesMax = 1_000, bytesMax = 67_108_864 } = options
  checkOptions('readPages', options, { filesMax: 1_000, bytesMax: 67_108_864 })
  const pages: Record<string, PageFile> = {}
  let files = 0
  let bytes = 0
  const read = async (folder: string, path: string): Promise<void> => {
    for (const entry of await readdir(folder, { withFileTypes: true })) {
      if (entry.name.startsWith('.')) continue
      const file = join(folder, entry.name)
      if (entry.isDirectory()) await read(file, `${path}${encodeURIComponent(entry.name)}/`)
      if (!entry.isFile()) continue
      if (++files > filesMax) throw new TypeError(`pages: more than ${filesMax} files in ${directory}`)
      bytes += (await stat(file)).size
      if (bytes > bytesMax) throw new TypeError(`pages: more than ${bytesMax} bytes in ${directory}`)
      const contentType = contentTypes[extname(entry.name).toLowerCase()] ?? 'application/octet-stream'
      const name = entry.name === 'index.html' ? '' : encodeURIComponent(entry.name)
      pages[`${path}${name}`] = { contentType, body: await readFile(file) }
    }
  }
  await read(directory, '/')
  return pages
}
