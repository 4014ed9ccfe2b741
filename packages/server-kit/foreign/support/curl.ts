import type { HubProcess } from './hub.ts'
import type { Thing } from './provision.ts'
import type { Site } from './site.ts'

export interface CurlAnswer {
  readonly status: number
  readonly contentType: string
  readonly body: string
}

export interface CurlOptions {
  /** Sent as `Authorization: Thing <secret>`. */
  readonly thing?: Thing
  readonly args?: readonly string[]
  /** Makes it a POST. */
  readonly body?: string | Uint8Array
}

/** One exchange by curl, which has to come to an answer. */
export async function curl(site: Site, hub: HubProcess, path: string, options: CurlOptions = {}): Promise<CurlAnswer> {
  const { thing, args = [], body } = options
  const who = thing === undefined ? [] : ['-H', `Authorization: Thing ${thing.secret}`]
  const what = body === undefined ? [] : ['--data-binary', '@-']
  const { code, out, err } = await site.run(
    'curl',
    ['-sS', '-m', '20', '-w', '\n%{http_code} %{content_type}', ...who, ...args, ...what, `${hub.url}${path}`],
    { stdin: body ?? '' },
  )
  if (code !== 0) throw new Error(`curl ${path}: exit code ${code}: ${err}`)
  const end = out.lastIndexOf('\n')
  const facts = out.slice(end + 1)
  return { status: Number(facts.slice(0, 3)), contentType: facts.slice(4), body: out.slice(0, end) }
}
