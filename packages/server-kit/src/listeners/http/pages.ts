import { hash } from 'node:crypto'
import type { Reply } from './reply.ts'

/** One file of a site, as it is served. */
export interface PageFile {
  readonly contentType: string
  readonly body: string | Uint8Array
  /** In lower case: on top of the headers that pages have, or in place of them. */
  readonly headers?: Readonly<Record<string, string>> | undefined
}

/** Files by path: `/`, `/app.js`. What is not among them is not served, so there is nowhere else to get to. */
export type Pages = Readonly<Record<string, PageFile>>

/** One that is ready to be answered with. */
export interface PageAnswer {
  readonly path: string
  reply(ifNoneMatch: string | null): Reply
}

/**
 * Scripts, styles and answers from where the page is from, and nothing else: no inline script and no `eval`, in nobody's
 * frame (CSP Level 3).
 */
const policy = [
  "default-src 'none'",
  "script-src 'self'",
  "style-src 'self'",
  "img-src 'self' data:",
  "font-src 'self'",
  "connect-src 'self'",
  "manifest-src 'self'",
  "base-uri 'none'",
  "form-action 'none'",
  "frame-ancestors 'none'",
].join('; ')

const pageHeaders = {
  'content-security-policy': policy,
  'cross-origin-opener-policy': 'same-origin',
  'cross-origin-resource-policy': 'same-origin',
  'referrer-policy': 'no-referrer',
  'x-content-type-options': 'nosniff',
  // Kept, and asked about each time: an entity tag is all that it costs.
  'cache-control': 'no-cache',
}

const pathForm = /^\/[A-Za-z0-9._~!$&'()+,;=@%/-]*$/

/** Throws `TypeError` for a path that is none: what a URL has to have encoded comes encoded. */
export function preparePages(pages: Pages): readonly PageAnswer[] {
  return Object.entries(pages).map(([path, file]) => {
    if (!pathForm.test(path)) throw new TypeError(`pages: ${JSON.stringify(path)} is no path like / or /app.js`)
    const body = typeof file.body === 'string' ? file.body : Uint8Array.from(file.body)
    const etag = `"${hash('sha256', body, 'base64url')}"`
    const headers = { ...pageHeaders, 'content-type': file.contentType, ...file.headers, etag }
    return {
      path,
      reply: ifNoneMatch =>
        isKnown(ifNoneMatch, etag) ? { status: 304, headers, body: null } : { status: 200, headers, body },
    }
  })
}

/** RFC 9110, section 13.1.2: compared weakly. */
function isKnown(ifNoneMatch: string | null, etag: string): boolean {
  if (ifNoneMatch === null) return false
  return ifNoneMatch.split(',').some(one => one.trim() === '*' || one.trim().replace(/^W\//, '') === etag)
}
