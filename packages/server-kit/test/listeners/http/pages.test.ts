import { mkdir, mkdtemp, rm, symlink, writeFile } from 'node:fs/promises'
import { request } from 'node:http'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { describe, expect, it, onTestFinished } from 'vitest'
import { httpListener, type Pages, readPages } from '../../../src/listeners/http/index.ts'
import { startHub } from '../../support/hub.ts'
import { caller } from './caller.ts'

const html = { contentType: 'text/html; charset=utf-8', body: '<!doctype html><title>Ä</title>' }
const script = { contentType: 'text/javascript', body: new TextEncoder().encode('1') }
const pages: Pages = { '/': html, '/app.js': script, '/docs/': { ...html, headers: { 'x-extra': '1' } } }
const anybody = { authorization: null }

async function directory(files: Record<string, string>): Promise<string> {
  const root = await mkdtemp(join(tmpdir(), 'pages-'))
  onTestFinished(() => rm(root, { recursive: true }))
  for (const [name, text] of Object.entries(files)) {
    await mkdir(join(root, name, '..'), { recursive: true })
    await writeFile(join(root, name), text)
  }
  return root
}

describe('pages', () => {
  it('are served to anybody, beside the API', async () => {
    const call = caller({ pages })
    const { status, text, headers } = await call('GET', '/', anybody)
    expect([status, text, headers.get('content-type')]).toEqual([200, html.body, html.contentType])
    expect((await call('GET', '/app.js', anybody)).text).toBe('1')
    expect((await call('GET', '/docs/', anybody)).headers.get('x-extra')).toBe('1')
    expect((await call('GET', '/health', anybody)).status).toBe(200)
    expect((await call('GET', '/api/v1/things', anybody)).status).toBe(401)
  })

  it('run nothing that is not from where they are, in nobody else’s frame, and tell nobody where one was', async () => {
    const { headers } = await caller({ pages })('GET', '/', anybody)
    const policy = headers.get('content-security-policy')!
    expect(policy).toContain("default-src 'none'; script-src 'self'; style-src 'self'")
    expect(policy).toContain("frame-ancestors 'none'")
    expect(policy).not.toContain('unsafe')
    expect(headers.get('x-content-type-options')).toBe('nosniff')
    expect(headers.get('referrer-policy')).toBe('no-referrer')
    expect(headers.get('access-control-allow-origin')).toBe(null)
  })

  it('are kept by browsers, and asked about', async () => {
    const call = caller({ pages })
    const { headers } = await call('GET', '/app.js', anybody)
    expect(headers.get('cache-control')).toBe('no-cache')
    const etag = headers.get('etag')!
    const again = (ifNoneMatch: string) =>
      call('GET', '/app.js', { ...anybody, headers: { 'if-none-match': ifNoneMatch } })
    expect(await again(etag)).toMatchObject({ status: 304, text: '' })
    expect((await again(`"other", W/${etag}`)).status).toBe(304)
    expect((await again('"other"')).status).toBe(200)
  })

  it('are nowhere else than where they are said to be', async () => {
    const call = caller({ pages })
    for (const path of [
      '/index.html',
      '/app.js/',
      '//app.js',
      '/docs',
      '/..%2fapp.js',
      '/%2e%2e/app.js%00',
      '/APP.JS',
    ]) {
      expect([path, (await call('GET', path, anybody)).status]).toEqual([path, 404])
    }
    const refused = await call('POST', '/app.js', anybody)
    expect([refused.status, refused.headers.get('allow')]).toEqual([405, 'HEAD, OPTIONS, GET'])
  })

  it('lie below the path that the handler is mounted at', async () => {
    const call = caller({ pages, basePath: '/iot' })
    expect((await call('GET', '/iot/app.js', anybody)).status).toBe(200)
    expect((await call('GET', '/app.js', anybody)).status).toBe(404)
  })

  it('take no path of the API’s, and none that is no path', () => {
    expect(() => caller({ pages: { '/health': html } })).toThrowError(TypeError)
    expect(() => caller({ pages: { '/api/v1/things/x': html } })).toThrowError(TypeError)
    expect(() => caller({ pages: { 'app.js': html } })).toThrowError(TypeError)
    expect(() => caller({ pages: { '/:any': html } })).toThrowError(TypeError)
  })

  it('answer over a socket as they do without, whatever the path is written like', async () => {
    const door = httpListener({ port: 0, pages })
    await startHub({ listeners: [door] })
    const { port } = door.address!
    const ask = (method: string, path: string) =>
      new Promise<[number | undefined, string | undefined, string]>((resolve, reject) => {
        request({ port, host: '127.0.0.1', method, path }, response => {
          let text = ''
          response.setEncoding('utf8').on('data', chunk => {
            text += chunk
          })
          response.on('end', () => resolve([response.statusCode, response.headers['content-length'], text]))
        })
          .on('error', reject)
          .end()
      })
    expect(await ask('GET', '/')).toEqual([200, String(Buffer.byteLength(html.body)), html.body])
    expect(await ask('HEAD', '/')).toEqual([200, String(Buffer.byteLength(html.body)), ''])
    expect((await ask('GET', '/../../etc/passwd'))[0]).toBe(404)
    expect((await ask('GET', '/app.js?x=1'))[0]).toBe(200)
  })
})

describe('the pages of a directory', () => {
  it('are its files, an index for each folder, without what is hidden or a link', async () => {
    const root = await directory({
      'index.html': 'a',
      'assets/app 1.js': 'b',
      'help/index.html': 'c',
      '.env': 'd',
      'x.bin': 'e',
    })
    await symlink('/etc/hostname', join(root, 'link.txt'))
    const read = await readPages(root)
    expect(Object.keys(read).sort()).toEqual(['/', '/assets/app%201.js', '/help/', '/x.bin'])
    const call = caller({ pages: read })
    expect((await call('GET', '/assets/app%201.js', anybody)).headers.get('content-type')).toContain('text/javascript')
    expect((await call('GET', '/x.bin', anybody)).headers.get('content-type')).toBe('application/octet-stream')
  })

  it('are bounded in number and in bytes', async () => {
    const root = await directory({ a: '123', b: '456' })
    await expect(readPages(root, { filesMax: 1 })).rejects.toThrowError('more than 1 files')
    await expect(readPages(root, { bytesMax: 5 })).rejects.toThrowError('more than 5 bytes')
    expect(Object.keys(await readPages(root, { filesMax: 2, bytesMax: 6 }))).toHaveLength(2)
  })
})
