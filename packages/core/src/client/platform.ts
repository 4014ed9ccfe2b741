/**
 * The few things that this client needs of its platform, as structural interfaces that are read off `globalThis`. No
 * ambient declarations: these sources are type-checked together with Node's types and with the DOM's, and clash with
 * neither.
 */
interface Platform {
  readonly fetch?: Fetch
  readonly WebSocket?: unknown
  readonly URL: new (url: string) => UrlParts
  readonly AbortController: new () => { readonly signal: CancelSignal; abort(reason?: unknown): void }
  setTimeout(callback: () => void, milliseconds: number): unknown
  setInterval(callback: () => void, milliseconds: number): unknown
  /** For intervals, too. */
  clearTimeout(timer: unknown): void
  atob(base64: string): string
  btoa(binary: string): string
  readonly performance: { now(): number }
  readonly crypto: { getRandomValues(words: Uint32Array<ArrayBuffer>): Uint32Array }
}

interface UrlParts {
  readonly protocol: string
  readonly username: string
  readonly password: string
  readonly search: string
  readonly hash: string
  readonly origin: string
  readonly pathname: string
}

/** What this client uses of an `AbortSignal`; the platform's own is one. */
export interface CancelSignal {
  readonly aborted: boolean
  readonly reason: unknown
  addEventListener(type: 'abort', listener: () => void): void
  removeEventListener(type: 'abort', listener: () => void): void
}

/** What this client asks of `fetch`; the platform's own fits. */
export type Fetch = (url: string, request: FetchRequest) => Promise<FetchResponse>

export interface FetchRequest {
  readonly method: string
  readonly headers: Record<string, string>
  readonly body?: FetchBody
  /** The platform's own `AbortSignal`. It is `never` here because that alone fits every platform's type for it. */
  readonly signal: never
  readonly redirect: 'error'
}

export type FetchBody = string | Uint8Array<ArrayBuffer>

export interface FetchResponse {
  readonly status: number
  readonly headers: { get(name: string): string | null }
  text(): Promise<string>
  /** What comes as it comes; a client that follows event streams needs it. */
  readonly body?: { getReader(): ByteReader } | null
}

export interface ByteReader {
  read(): Promise<{ readonly done: boolean; readonly value?: Uint8Array | undefined }>
  cancel(): Promise<void>
}

export function platform(): Platform {
  return globalThis as unknown as Platform
}
